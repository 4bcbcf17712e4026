/** One round of care for run data: periods made ahead, old ones dropped whole, shorter retentions by rows, the budget. Bites are small and the round ends at
 *  its deadline or signal; the next goes on where it stopped. Never runs beside another (ops/run-data.ts sees to it); never touches a live instance. */
import type { Clock } from '../kernel/clock.ts';
import { firstIdAt } from '../kernel/ids.ts';
import type { SqlPool } from '../store/client.ts';
import {
  addRunPartition,
  countLive,
  deleteArchivedWorkflows,
  deleteExpired,
  deleteExpiredResults,
  deleteOutside,
  dropRunPartition,
  isHeld,
  listKept,
  listRunPartitions,
  listWorkflowRetentions,
  type KeptInstance,
  type Retentions,
  type RunPartition,
  type Stretch,
} from '../store/run-data.ts';
import { deleteUnusedTestDefinitions } from '../store/test-definitions.ts';

export interface RunDataSettings {
  /** 0: for ever, unless a workflow says less. */
  readonly retentionDays: number;
  readonly periodDays: number;
  /** Null: none. */
  readonly budgetBytes: number | null;
  readonly overBudget: 'alarm' | 'drop';
}

/** A period that is past the longest retention and can't go. */
export interface HeldPeriod {
  readonly name: string;
  readonly dueAt: Date;
  readonly bytes: number;
  /** The oldest instances that hold it. */
  readonly heldBy: readonly KeptInstance[];
}

export interface SweepReport {
  readonly startedAt: string;
  readonly ms: number;
  readonly made: readonly string[];
  readonly dropped: readonly { readonly name: string; readonly bytes: number; readonly why: 'retention' | 'budget' }[];
  readonly deletedInstances: number;
  readonly deletedResults: number;
  readonly deletedWorkflows: number;
  /** Periods that could not be made or dropped because their tables were busy, or an instance came to life: next round. */
  readonly postponed: readonly string[];
  readonly held: readonly HeldPeriod[];
  readonly bytes: number;
  /** False: the time was over before the work. */
  readonly isComplete: boolean;
}

interface SweepParts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly settings: RunDataSettings;
  readonly signal: AbortSignal;
  /** On the monotonic clock, ms. */
  readonly deadlineMs: number;
}

const DAY_MS = 86_400_000;
/** Measured: 500 instances of ten steps are gone in about 40 ms. */
const BITE = 500;
const ROWS = 5_000;
/** An archived workflow can be restored for so long. Source: CONTRACTS (DELETE workflows). */
const ARCHIVED_MS = 30 * DAY_MS;
/** The definition of a test run is written before its instance. */
const UNUSED_TEST_MS = 3_600_000;
/** Each try holds writers up for 0.1 s at most; about 3 s in all. */
const TRIES = 8;
const NAMED = 10;
const DATED = /^\d{8}$/;

interface Round extends SweepParts {
  readonly at: Date;
  readonly retentions: Retentions;
  readonly postponed: string[];
  readonly dropped: { name: string; bytes: number; why: 'retention' | 'budget' }[];
  deletedInstances: number;
}

/** @throws the signal's reason; the database's errors */
export async function sweepRunData(parts: SweepParts): Promise<SweepReport> {
  const { sql, clock, settings } = parts;
  const startedMs = clock.monotonic();
  const at = new Date(clock.now());
  const archivedBefore = new Date(at.getTime() - ARCHIVED_MS);
  const retentions = {
    machineDays: settings.retentionDays === 0 ? null : settings.retentionDays,
    workflows: await listWorkflowRetentions(sql, archivedBefore),
  };
  const round: Round = { ...parts, at, retentions, postponed: [], dropped: [], deletedInstances: 0 };
  const made = await makeAhead(round);
  const held = await dropOld(round);
  await deleteShorter(round);
  const deletedResults = await bites(round, ROWS, () => deleteExpiredResults(sql, at, ROWS));
  await bites(round, ROWS, () => deleteUnusedTestDefinitions(sql, new Date(at.getTime() - UNUSED_TEST_MS), ROWS));
  const deletedWorkflows = isOver(round) ? [] : await deleteArchivedWorkflows(sql, archivedBefore);
  await keepBudget(round);
  return {
    startedAt: at.toISOString(),
    ms: Math.round(clock.monotonic() - startedMs),
    made,
    dropped: round.dropped,
    deletedInstances: round.deletedInstances,
    deletedResults,
    deletedWorkflows: deletedWorkflows.length,
    postponed: round.postponed,
    held,
    bytes: sumBytes(await listRunPartitions(sql)),
    isComplete: !isOver(round),
  };
}

export function sumBytes(partitions: readonly RunPartition[]): number {
  return partitions.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** When a period is past the machine's retention, whatever ended last in it; null: never, or it is no period. */
export function dueAt({ name, endsAt }: RunPartition, retentionDays: number): Date | null {
  return endsAt === null || retentionDays === 0 || !DATED.test(name) ? null : new Date(endsAt.getTime() + retentionDays * DAY_MS);
}

function isOver({ clock, deadlineMs, signal }: SweepParts): boolean {
  signal.throwIfAborted();
  return clock.monotonic() >= deadlineMs;
}

/** Repeats a bite until one is not full. @returns the sum */
async function bites(round: Round, size: number, bite: () => Promise<number>): Promise<number> {
  let sum = 0;
  for (let taken = size; taken >= size && !isOver(round); sum += taken) taken = await bite(); // Serial: a bite at a time leaves the writers room.
  return sum;
}

async function makeAhead(round: Round): Promise<string[]> {
  const made: string[] = [];
  for (let name: string | undefined = ''; name !== undefined && !isOver(round);) {
    // Serial: each begins where the one before it ends.
    name = await patiently(round, 'after', () => addRunPartition(round.sql, { days: round.settings.periodDays, at: round.at }));
    if (name !== undefined) made.push(name);
  }
  return made;
}

/** Drops what is past every retention. What is past the machine's and held by some instance loses its other rows. */
async function dropOld(round: Round): Promise<HeldPeriod[]> {
  const { sql, at, retentions, settings } = round;
  const held: HeldPeriod[] = [];
  for (const period of (await listRunPartitions(sql)).filter((one) => hasEnded(one, at))) {
    if (isOver(round)) break;
    // Serial: oldest first, so that the tables of periods that were emptied before go with it.
    const heldBy = await listKept(sql, { stretch: period, retentions, at, limit: NAMED });
    if (heldBy.length === 0) await drop(round, period, 'retention');
    const due = dueAt(period, settings.retentionDays);
    if (heldBy.length === 0 || due === null || due > at) continue;
    held.push({ name: period.name, dueAt: due, bytes: period.bytes, heldBy });
    await deleteRows(round, period);
  }
  return held;
}

function hasEnded({ name, endsAt }: RunPartition, at: Date): boolean {
  return DATED.test(name) && endsAt !== null && endsAt <= at;
}

async function drop(round: Round, { name, lower, upper }: RunPartition, why: 'retention' | 'budget'): Promise<boolean> {
  await bites(round, ROWS, () => deleteOutside(round.sql, { lower, upper }, ROWS));
  if (isOver(round)) return false;
  const bytes = await patiently(round, name, () => dropRunPartition(round.sql, { name, at: round.at }));
  if (bytes === undefined) return false;
  round.dropped.push({ name, bytes, why });
  return true;
}

/** Rows that go before their period does: of workflows that keep less, and those that lie outside the periods. */
async function deleteShorter(round: Round): Promise<void> {
  const machineDays = round.retentions.machineDays ?? Infinity;
  for (const { id, days } of round.retentions.workflows.filter((one) => one.days < machineDays)) {
    // What was made later can't have ended so long ago.
    await deleteRows(round, { lower: null, upper: firstIdAt('inst', round.at.getTime() - days * DAY_MS) }, id); // Serial: bites.
  }
  for (const outside of (await listRunPartitions(round.sql)).filter(({ name }) => !DATED.test(name))) await deleteRows(round, outside); // Serial: bites.
}

async function deleteRows(round: Round, { lower, upper }: Stretch, workflowId?: string): Promise<void> {
  const query = { stretch: { lower, upper }, retentions: round.retentions, at: round.at, limit: BITE, ...(workflowId === undefined ? {} : { workflowId }) };
  round.deletedInstances += await bites(round, BITE, () => deleteExpired(round.sql, query));
}

/** Over the budget, where that was chosen: the oldest periods without a live instance go although they are not due. */
async function keepBudget(round: Round): Promise<void> {
  const { sql, settings, at } = round;
  if (settings.budgetBytes === null || settings.overBudget !== 'drop') return;
  const partitions = await listRunPartitions(sql);
  let bytes = sumBytes(partitions);
  for (const period of partitions.filter((one) => hasEnded(one, at))) {
    if (bytes <= settings.budgetBytes || isOver(round)) return;
    // Serial: the oldest goes first, and perhaps that is enough.
    if ((await countLive(sql, period)).live === 0 && (await drop(round, period, 'budget'))) bytes -= period.bytes;
  }
}

/** Tries again while the tables are busy. @returns undefined when they stayed so, or an instance came to life: noted as postponed */
async function patiently<T>(round: Round, name: string, work: () => Promise<T>): Promise<T | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const held = isHeld(error);
      if (held === undefined) throw error;
      if (held === 'live' || tries >= TRIES || isOver(round)) {
        round.postponed.push(name);
        return undefined;
      }
      await round.clock.sleep(50 * tries + Math.random() * 50, round.signal);
    }
  }
}
