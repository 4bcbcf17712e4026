/** One batch of the engine's journal: step rows, instance rows and events of many instances in one statement, behind the owner's fence.
 *  Invariant: all of it or nothing. A row that is not in its expected state, or a fence that is gone, divides by zero and takes the whole
 *  batch with it; the journal then bisects. The hot path only inserts. Never decides anything. */
import type { Json } from '../contract/endpoint.ts';
import type { EventType } from '../contract/events.ts';
import type { InstanceStatus, StepStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { partsOf, statementText } from './journal-statement.ts';

/** Who writes: its row in `owners` is locked for the time of the batch. */
export interface Fence {
  readonly ownerId: string;
  readonly epoch: number;
}

/** One state of a step's row. JSON columns are texts. Times are ms since the epoch. */
export interface StepWrite {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
  /** The state the row must be in; null: it must not be there. */
  readonly expected: StepStatus | null;
  readonly status: StepStatus;
  readonly attempt: number;
  readonly port: string | null;
  /** Null in an update: stays. */
  readonly input: string | null;
  readonly output: string | null;
  readonly error: string | null;
  readonly reason: string | null;
  readonly wait: string | null;
  readonly jobId: string | null;
  readonly workerId: string | null;
  readonly seq: number;
  readonly queuedAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** JSON text. */
  readonly details: string | null;
}

export interface InstanceUpdate {
  readonly id: string;
  readonly expected: InstanceStatus;
  readonly status: InstanceStatus;
  readonly output: string | null;
  readonly error: string | null;
  readonly waiting: string | null;
  readonly seq: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface InstanceInsert {
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly version: number;
  readonly status: InstanceStatus;
  readonly input: string;
  readonly labels: string;
  readonly priority: number;
  readonly startedBy: string;
  readonly rerunOf: string | null;
  readonly principal: string | null;
  readonly seq: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly parentId: string | null;
  readonly parentPath: string | null;
  readonly parentGeneration: number | null;
  readonly depth: number;
  readonly debug: boolean;
  readonly isTest: boolean;
  /** What the workflow's limits count it under. */
  readonly limitKey: string | null;
  readonly rateKey: string | null;
  /** Of a pending one: for what it waits. JSON text. */
  readonly waiting: string | null;
  /** The user who started it. */
  readonly starter: string | null;
}

/** An attempt that did not stand. */
export interface AttemptInsert {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
  readonly status: StepStatus;
  readonly output: string | null;
  readonly error: string | null;
  readonly jobId: string | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

export interface LogInsert {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
  readonly at: number;
  readonly line: string;
}

/** An event of an instance's stream. */
export interface InstanceEvent {
  readonly id: string;
  readonly orgId: string;
  readonly sequence: number;
  readonly type: EventType;
  readonly workflowId: string;
  readonly payload: Record<string, Json>;
  readonly requestId: string | null;
}

export interface Batch {
  readonly created: readonly InstanceInsert[];
  readonly inserts: readonly StepWrite[];
  readonly updates: readonly StepWrite[];
  readonly instances: readonly InstanceUpdate[];
  readonly attempts: readonly AttemptInsert[];
  readonly logs: readonly LogInsert[];
  readonly events: readonly InstanceEvent[];
}

/** Writes the batch. @throws the database's error: 22012 when a row was not as expected or the fence is gone (see isUnexpectedState) */
export async function writeBatch(sql: Sql, fence: Fence, batch: Batch): Promise<void> {
  const present = partsOf(batch);
  if (present.length === 0) return;
  const values = [fence.ownerId, fence.epoch, ...present.flatMap((part) => part.values)];
  await sql.query(statementText(present), values);
}

/** Whether `error` says that a row of the batch had moved, or that this owner is one no more. */
export function isUnexpectedState(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  // 22012: our own division by zero. 23505: the step's row, the attempt's or the instance's is there already.
  return code === '22012' || code === '23505';
}

/** The last written sequence of these instances' streams. */
export async function readLastSequences(sql: Sql, ids: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await sql.query<{ id: string; last: number }>(
    `select id, max(sequence) as last from outbox where kind = 'instance' and id = any($1) group by id`,
    [[...ids]],
  );
  return new Map(rows.map((row) => [row.id, row.last]));
}
