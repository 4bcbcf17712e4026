/** Care for run data, hourly and on demand, on one process at a time: what it takes, when each period goes, and the alarm when it takes too much or is held.
 *  Never decides what an instance is worth: retention and budget are settings. One thing to know: a fault here degrades health and stops nothing. */
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { aloneInSweep, countInstances, countLive, estimateInstances, listRunPartitions } from '../store/run-data.ts';
import type { HealthBoard } from './health.ts';
import { dueAt, sumBytes, sweepRunData, type HeldPeriod, type RunDataSettings, type SweepReport } from './run-data-sweep.ts';

interface RunDataPeriod {
  readonly name: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly bytes: number;
  readonly instances: number;
  /** True: counted by PostgreSQL's statistics, for it is large. */
  readonly isEstimate: boolean;
  readonly live: number;
  /** Of the live ones. */
  readonly oldestLive: string | null;
  readonly dueAt: string | null;
}

export interface RunDataSummary {
  readonly bytes: number;
  readonly budgetBytes: number | null;
  readonly partitions: number;
  /** Periods past the longest retention that instances hold. */
  readonly held: number;
  readonly fault: string | null;
}

export interface RunData {
  start(): void;
  stop(): Promise<void>;
  /** As measured last, minutes ago at most; undefined before the first time. */
  readonly summary: RunDataSummary | undefined;
  readonly lastSweep: SweepReport | undefined;
  readonly settings: RunDataSettings;
  listPeriods(): Promise<RunDataPeriod[]>;
  /** Measures and sweeps now, for a minute at most. @throws AppError conflict when a sweep runs already, here or in another process */
  sweep(): Promise<SweepReport>;
}

interface RunDataParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: Pick<HealthBoard, 'report'>;
  readonly settings: RunDataSettings;
}

const FIRST_MS = 20_000;
const MEASURE_MS = 5 * 60_000;
const SWEEPS_EVERY = 12;
const ROUND_MS = 10 * 60_000;
const ASKED_MS = 60_000;
/** Ids of a table of this size are counted in about 50 ms. */
const COUNTED_BYTES = 64 * 1024 ** 2;
/** Waiting for a person or a date is no fault; holding a large period for a month longer than anything is kept is worth a look. */
const HELD_MS = 30 * 86_400_000;
const HELD_BYTES = 256 * 1024 ** 2;

export function createRunData(parts: RunDataParts): RunData {
  const { database, clock, log, board, settings } = parts;
  const sql = database.engine;
  const ending = new AbortController();
  let cancel = (): void => undefined;
  let running: Promise<SweepReport | undefined> | undefined;
  let summary: RunDataSummary | undefined;
  let lastSweep: SweepReport | undefined;
  let rounds = 0;

  async function measure(): Promise<void> {
    const partitions = await listRunPartitions(sql);
    const bytes = sumBytes(partitions);
    const held = lastSweep?.held ?? [];
    const fault = faultOf({ bytes, held, settings, now: clock.now() });
    summary = { bytes, budgetBytes: settings.budgetBytes, partitions: partitions.length, held: held.length, fault };
    board.report('run data', fault, false);
  }

  async function round(limitMs: number): Promise<SweepReport | undefined> {
    const report = await aloneInSweep(sql, () => sweepRunData({ sql, clock, settings, signal: ending.signal, deadlineMs: clock.monotonic() + limitMs }));
    if (report === undefined) return undefined;
    lastSweep = report;
    await tell(database, log, report);
    return report;
  }

  /** At most one at a time in this process. */
  function once(limitMs: number): Promise<SweepReport | undefined> {
    running = round(limitMs).finally(() => (running = undefined));
    return running;
  }

  async function tick(): Promise<void> {
    try {
      if (rounds++ % SWEEPS_EVERY === 0 && running === undefined) await once(ROUND_MS);
      await measure();
    } catch (error) {
      if (!ending.signal.aborted) log.warn({ cause: messageOf(error) }, 'run data could not be swept; tried again in an hour');
    }
    if (!ending.signal.aborted) cancel = clock.after(MEASURE_MS, () => void tick());
  }

  return {
    settings,
    start() {
      cancel = clock.after(FIRST_MS, () => void tick());
    },
    async stop() {
      ending.abort(new Error('Studio stops'));
      cancel();
      await running?.catch(() => undefined);
    },
    get summary() {
      return summary;
    },
    get lastSweep() {
      return lastSweep;
    },
    async listPeriods() {
      const [partitions, estimates] = await Promise.all([listRunPartitions(sql), estimateInstances(sql)]);
      return Promise.all(
        partitions.map(async (period) => {
          const estimate = estimates.get(period.name);
          const isEstimate = (estimate?.bytes ?? 0) > COUNTED_BYTES;
          const { live, oldest } = await countLive(sql, period);
          return {
            name: period.name,
            from: period.startsAt?.toISOString() ?? null,
            to: period.endsAt?.toISOString() ?? null,
            bytes: period.bytes,
            instances: isEstimate ? (estimate?.instances ?? 0) : await countInstances(sql, period),
            isEstimate,
            live,
            oldestLive: oldest,
            dueAt: dueAt(period, settings.retentionDays)?.toISOString() ?? null,
          };
        }),
      );
    },
    async sweep() {
      const report = running === undefined ? await once(ASKED_MS) : undefined;
      if (report === undefined) fail('conflict', { message: 'Run data is being swept already. Ask again in a minute.', retryAfterS: 60 });
      await measure();
      return report;
    },
  };
}

async function tell(database: Database, log: Logger, report: SweepReport): Promise<void> {
  const { dropped, deletedInstances, made, ms, held, postponed, bytes, isComplete } = report;
  for (const { name, bytes: freed, why } of dropped) log.info({ period: name, bytes: freed, why }, 'a period of run data was dropped');
  for (const { name, dueAt: due, heldBy } of held)
    log.info(
      { period: name, dueAt: due.toISOString(), heldBy: heldBy.map(({ id }) => id) },
      'a period of run data is past its retention and held by instances',
    );
  if (dropped.length + deletedInstances + made.length + postponed.length === 0) return;
  log.info({ dropped: dropped.length, deletedInstances, made, postponed, bytes, isComplete, ms }, 'run data was swept');
  if (dropped.length + deletedInstances === 0) return;
  await database.engine.transaction(async (sql) => {
    const sequence = await nextSequence(sql, 'system', 'run-data');
    const payload = { dropped: dropped.map(({ name }) => name), deletedInstances, bytes };
    await writeEvents(sql, [{ kind: 'system', id: 'run-data', sequence, type: 'ops:run_data:swept', orgId: null, payload }]);
  });
  database.announce();
}

function faultOf(at: {
  readonly bytes: number;
  readonly held: readonly HeldPeriod[];
  readonly settings: RunDataSettings;
  readonly now: number;
}): string | null {
  const { bytes, settings, now } = at;
  const faults: string[] = [];
  if (settings.budgetBytes !== null && bytes > settings.budgetBytes) {
    const way =
      settings.overBudget === 'drop'
        ? 'no older period can be dropped: end the instances that hold them'
        : "shorten RUN_RETENTION_DAYS or a workflow's settings.retentionDays, raise RUN_DATA_BUDGET_BYTES, or set RUN_DATA_OVER_BUDGET=drop";
    faults.push(`${bytes} bytes are over the budget of ${settings.budgetBytes}; ${way}`);
  }
  for (const { name, dueAt: due, bytes: size, heldBy } of at.held) {
    if (size < HELD_BYTES || now - due.getTime() < HELD_MS) continue;
    const ids = heldBy.map(({ id }) => id).slice(0, 3);
    faults.push(
      `period ${name} (${size} bytes) was due at ${due.toISOString()} and is held by ${ids.join(', ')}${heldBy.length > 3 ? ' and others' : ''}; end or delete them`,
    );
  }
  return faults.length === 0 ? null : faults.join('; ');
}
