/** Writes what changes about the machine as events: services, devices and health. A change while the database is away is told when it is back,
 *  the newest of each thing only. Never blocks who reports. */
import type { Json } from '../contract/endpoint.ts';
import type { EntityKind, EventType } from '../contract/events.ts';
import type { Devices } from '../gpu/device.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss, type Database } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import type { Services } from '../supervise/service.ts';
import type { HealthBoard } from './health.ts';

interface Parts {
  readonly database: Database;
  readonly services: Pick<Services, 'onChange'>;
  readonly board: Pick<HealthBoard, 'onChange'>;
  readonly devices: Pick<Devices, 'onChange'>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Change {
  readonly kind: EntityKind;
  readonly id: string;
  readonly type: EventType;
  readonly payload: Record<string, Json>;
}

const RETRY_MS = 500;

/** @returns a function that ends it; what is not written by then is dropped: a stop says so itself */
export function announceMachine(parts: Parts): () => void {
  const { database, clock, log } = parts;
  const waiting = new Map<string, Change>();
  let isWriting = false;
  let isEnded = false;

  function tell(change: Change): void {
    waiting.set(`${change.kind}:${change.id}`, change);
    if (!isWriting) void writeAll();
  }

  async function writeAll(): Promise<void> {
    isWriting = true;
    // Serial: events of one thing keep their order.
    for (let [entry] = waiting; entry !== undefined && !isEnded; [entry] = waiting) {
      const [key, change] = entry;
      waiting.delete(key);
      try {
        await write(change);
      } catch (error) {
        if (!isConnectionLoss(error)) log.warn({ cause: messageOf(error), type: change.type }, 'a change of the machine was not announced');
        // A newer one that came meanwhile stands.
        else if (!waiting.has(key)) waiting.set(key, change);
        await clock.sleep(RETRY_MS);
      }
    }
    isWriting = false;
  }

  async function write(change: Change): Promise<void> {
    await database.engine.transaction(async (sql) => {
      const sequence = await nextSequence(sql, change.kind, change.id);
      await writeEvents(sql, [{ ...change, sequence, orgId: null }]);
    });
    database.announce();
  }

  const endServices = parts.services.onChange(({ name, state, pid, restarts, reason }) =>
    tell({
      kind: 'service',
      id: name,
      type: 'supervise:service:changed',
      payload: { name, state, pid, restarts, ...(reason === undefined ? {} : { reason }) },
    }),
  );
  const endDevices = parts.devices.onChange(({ gpu: { uuid, index, name, state, reason }, previous }) =>
    tell({ kind: 'gpu', id: uuid, type: 'gpu:device:changed', payload: { uuid, index, name, state, reason, previous } }),
  );
  const endHealth = parts.board.onChange(({ status, reasons }) =>
    tell({ kind: 'system', id: 'health', type: 'system:health:changed', payload: { status, reasons: [...reasons] } }),
  );
  return () => {
    isEnded = true;
    endServices();
    endHealth();
    endDevices();
  };
}
