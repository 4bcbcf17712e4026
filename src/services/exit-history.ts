/** How services ended, kept in the database: written as it happens, once the database is there. Never blocks who reports. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss, type SqlPool } from '../store/client.ts';
import { insertServiceExit, listServiceExits } from '../store/services.ts';
import type { Exit, Services as Supervisor } from '../supervise/service.ts';

const KEPT = 20;
const RETRY_MS = 1_000;
/** PostgreSQL's own exits wait for PostgreSQL; a storm of exits while it is away keeps the newest. */
const MAX_WAITING = 200;

/** @returns a function that ends it */
export function keepExits(parts: { readonly sql: SqlPool; readonly supervisor: Supervisor; readonly clock: Clock; readonly log: Logger }): () => void {
  const { sql, clock, log } = parts;
  const waiting: { readonly id: string; readonly service: string; readonly exit: Exit }[] = [];
  let isWriting = false;
  let isEnded = false;

  async function writeAll(): Promise<void> {
    isWriting = true;
    // Serial: they keep their order.
    for (let [next] = waiting; next !== undefined && !isEnded; [next] = waiting) {
      try {
        await insertServiceExit(sql, { ...next, keep: KEPT });
        waiting.shift();
      } catch (error) {
        if (isConnectionLoss(error)) await clock.sleep(RETRY_MS);
        else {
          log.warn({ cause: messageOf(error), service: next.service }, 'how a service ended was not kept');
          waiting.shift();
        }
      }
    }
    isWriting = false;
  }

  const end = parts.supervisor.onExit((service, exit) => {
    waiting.push({ id: newId('evt', clock), service, exit });
    if (waiting.length > MAX_WAITING) waiting.shift();
    if (!isWriting) void writeAll();
  });
  return () => {
    isEnded = true;
    end();
  };
}

/** As kept, newest first. */
export function readExits(sql: SqlPool): Promise<ReadonlyMap<string, readonly Exit[]>> {
  return listServiceExits(sql, KEPT);
}
