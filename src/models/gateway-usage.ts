/** Counts what is used of the models: summed in memory, written every few seconds and at the end. One thing to know: a crash loses what
 *  was counted since the last write (5 s), a clean stop nothing; a write whose answer was lost may count twice. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { SqlPool } from '../store/client.ts';
import { addModelUsage, type UsageDelta } from '../store/model-usage.ts';

/** The most that a crash may lose. */
const WRITE_MS = 5_000;
/** Rows of one statement. */
const BATCH = 1_000;

export interface Used {
  readonly orgId: string;
  readonly model: string;
  /** `key_…`, `user_…`, `wf_…`. */
  readonly caller: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly isFailed: boolean;
}

export interface UsageMeter {
  add(used: Used): void;
  /** Writes what is counted. @throws when the database refuses; what was not written stays counted */
  flush(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

export function createUsageMeter({ sql, clock, log }: { readonly sql: SqlPool; readonly clock: Clock; readonly log: Logger }): UsageMeter {
  let counted = new Map<string, UsageDelta>();
  let cancel = (): void => {};
  let isRunning = false;
  let writing: Promise<void> = Promise.resolve();
  const add = (delta: UsageDelta): void => {
    const key = JSON.stringify([delta.orgId, delta.day, delta.model, delta.caller]);
    const before = counted.get(key);
    counted.set(key, before === undefined ? delta : sum(before, delta));
  };
  const write = async (): Promise<void> => {
    const deltas = [...counted.values()];
    counted = new Map();
    while (deltas.length > 0) {
      const batch = deltas.slice(0, BATCH);
      try {
        // Serial: a batch that fails ends the turn.
        await addModelUsage(sql, batch);
      } catch (error) {
        for (const delta of deltas) add(delta);
        throw error;
      }
      deltas.splice(0, BATCH);
    }
  };
  const flush = (): Promise<void> => {
    const next = writing.catch(() => undefined).then(write);
    writing = next.catch(() => undefined);
    return next;
  };
  const arm = (): void => {
    if (!isRunning) return;
    cancel = clock.after(WRITE_MS, () => {
      flush()
        .catch((error: unknown) => log.warn({ cause: messageOf(error), rows: counted.size }, 'the use of models could not be written; tried again'))
        .finally(arm);
    });
  };
  return {
    add({ isFailed, ...used }) {
      add({ ...used, day: new Date(clock.now()).toISOString().slice(0, 10), requests: 1, failed: isFailed ? 1 : 0 });
    },
    flush,
    start() {
      isRunning = true;
      arm();
    },
    async stop() {
      isRunning = false;
      cancel();
      await flush().catch((error: unknown) => log.error({ cause: messageOf(error), rows: counted.size }, 'the last use of models could not be written'));
    },
  };
}

function sum(a: UsageDelta, b: UsageDelta): UsageDelta {
  return {
    ...a,
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    promptTokens: a.promptTokens + b.promptTokens,
    completionTokens: a.completionTokens + b.completionTokens,
  };
}
