/** What is durable of a live instance, as its row and its stream tell it: callers are answered without a read of tables in periods, which is planned anew each time.
 *  Never says what is only staged. One thing to know: an instance brought back from its rows is not known in full here; those are read. */
import type { Failure, Instance } from '../contract/instances.ts';
import type { InstanceUpdate } from '../store/journal.ts';
import type { Group } from './journal.ts';
import type { Live } from './live.ts';

/** What changes in an instance's row. Texts are JSON. */
export type RecordedRow = Pick<InstanceUpdate, 'status' | 'output' | 'error' | 'waiting' | 'startedAt' | 'endedAt'>;

/** An instance without the position of the snapshot. */
export type Recorded = Omit<Instance, 'cursor'>;

/** `group` has become durable, after all that its instance appended before. */
export function noteRecorded(live: Live, group: Group): void {
  if (group.created !== undefined) {
    const { status, waiting, startedAt } = group.created;
    live.recorded = { status, waiting, startedAt, output: null, error: null, endedAt: null };
  }
  if (group.instance !== undefined) live.recorded = group.instance;
  live.recordedSeq = group.events.at(-1)?.sequence ?? live.recordedSeq;
}

/** @param startedBy as its row has it  @returns undefined when this process does not know: it did not write the row, or lost the instance */
export function readRecorded(live: Live, startedBy: string): Recorded | undefined {
  const row = live.recorded;
  if (row === undefined || live.isReleased) return undefined;
  return {
    id: live.id,
    workflowId: live.workflowId,
    workflowName: live.workflowName,
    version: live.version,
    status: row.status,
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as Failure }),
    ...(row.waiting === null ? {} : { waiting: JSON.parse(row.waiting) as NonNullable<Instance['waiting']> }),
    labels: live.labels,
    priority: live.priority,
    startedBy,
    ...(live.parent === undefined ? {} : { parent: live.parent }),
    ...(live.debug ? { debug: true } : {}),
    ...(live.isTest ? { isTest: true } : {}),
    createdAt: new Date(live.createdAt).toISOString(),
    startedAt: textOf(row.startedAt),
    endedAt: textOf(row.endedAt),
    seq: live.recordedSeq,
    input: live.input,
    output: row.output === null ? null : (JSON.parse(row.output) as Instance['output']),
  };
}

function textOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
