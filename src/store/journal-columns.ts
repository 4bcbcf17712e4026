/** What the journal writes, column by column, and how each travels. The statement that takes them: journal-statement.ts. */
import type { AttemptInsert, InstanceEvent, InstanceInsert, InstanceUpdate, LogInsert, StepWrite } from './journal.ts';
import { payloadText } from './outbox.ts';

/** How a column of many rows travels: `free` as an array that the client escapes; `plain` joined by a character that can't occur in it (JSON, ids, our own
 *  words), which neither side has to escape: a third of the client's work; numbers as the text of an array. */
export type Travel = 'free' | 'plain' | 'int' | 'bigint' | 'boolean' | 'ms';

export type Column<Row> = readonly [name: string, travel: Travel, read: (row: Row) => string | number | boolean | null];

/** JSON escapes control characters, and no id or word of ours holds one. */
export const SEPARATOR = '\u001f';
export const NULL_MARK = '\u001e';

export const stepColumns: readonly Column<StepWrite>[] = [
  ['instance_id', 'plain', (row) => row.instanceId],
  ['path', 'plain', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['org_id', 'plain', (row) => row.orgId],
  ['status', 'plain', (row) => row.status],
  ['attempt', 'int', (row) => row.attempt],
  ['port', 'free', (row) => row.port],
  ['input', 'plain', (row) => row.input],
  ['output', 'plain', (row) => row.output],
  ['error', 'plain', (row) => row.error],
  ['reason', 'free', (row) => row.reason],
  ['wait', 'plain', (row) => row.wait],
  ['job_id', 'plain', (row) => row.jobId],
  ['worker_id', 'free', (row) => row.workerId],
  ['seq', 'bigint', (row) => row.seq],
  ['queued_at', 'ms', (row) => row.queuedAt],
  ['started_at', 'ms', (row) => row.startedAt],
  ['ended_at', 'ms', (row) => row.endedAt],
  ['details', 'plain', (row) => row.details],
];

/** Of a step that is written once, ended well, with nothing to remark: the common one. The rest of its row is null. */
export const endedColumns = stepColumns.filter(([name]) => !['port', 'error', 'reason', 'wait', 'job_id', 'worker_id', 'queued_at', 'details'].includes(name));

export function isPlainEnd(row: StepWrite): boolean {
  return (
    row.status === 'completed' &&
    row.port === null &&
    row.error === null &&
    row.reason === null &&
    row.wait === null &&
    row.jobId === null &&
    row.workerId === null &&
    row.queuedAt === null &&
    row.details === null
  );
}

export const updateColumns: readonly Column<StepWrite>[] = [...stepColumns, ['expected', 'plain', (row) => row.expected]];

export const instanceColumns: readonly Column<InstanceUpdate>[] = [
  ['id', 'plain', (row) => row.id],
  ['expected', 'plain', (row) => row.expected],
  ['status', 'plain', (row) => row.status],
  ['output', 'plain', (row) => row.output],
  ['error', 'plain', (row) => row.error],
  ['waiting', 'plain', (row) => row.waiting],
  ['seq', 'bigint', (row) => row.seq],
  ['started_at', 'ms', (row) => row.startedAt],
  ['ended_at', 'ms', (row) => row.endedAt],
];

export const createdColumns: readonly Column<InstanceInsert>[] = [
  ['id', 'plain', (row) => row.id],
  ['org_id', 'plain', (row) => row.orgId],
  ['workflow_id', 'plain', (row) => row.workflowId],
  ['version', 'int', (row) => row.version],
  ['status', 'plain', (row) => row.status],
  ['input', 'plain', (row) => row.input],
  ['labels', 'plain', (row) => row.labels],
  ['priority', 'int', (row) => row.priority],
  ['started_by', 'free', (row) => row.startedBy],
  ['rerun_of', 'plain', (row) => row.rerunOf],
  ['principal', 'plain', (row) => row.principal],
  ['seq', 'bigint', (row) => row.seq],
  ['created_at', 'ms', (row) => row.createdAt],
  ['started_at', 'ms', (row) => row.startedAt],
  ['parent_id', 'plain', (row) => row.parentId],
  ['parent_path', 'plain', (row) => row.parentPath],
  ['parent_generation', 'int', (row) => row.parentGeneration],
  ['depth', 'int', (row) => row.depth],
  ['debug', 'boolean', (row) => row.debug],
  ['is_test', 'boolean', (row) => row.isTest],
  ['starter', 'plain', (row) => row.starter],
  ['limit_key', 'free', (row) => row.limitKey],
  ['rate_key', 'free', (row) => row.rateKey],
  ['waiting', 'plain', (row) => row.waiting],
];

/** Of instances started together: one value for all of them. */
export const createdOnce: readonly string[] = createdColumns
  .map(([name]) => name)
  .filter((name) => !['id', 'input', 'created_at', 'started_at', 'limit_key', 'rate_key', 'waiting'].includes(name));

export const attemptColumns: readonly Column<AttemptInsert>[] = [
  ['instance_id', 'plain', (row) => row.instanceId],
  ['path', 'plain', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['attempt', 'int', (row) => row.attempt],
  ['org_id', 'plain', (row) => row.orgId],
  ['status', 'plain', (row) => row.status],
  ['output', 'plain', (row) => row.output],
  ['error', 'plain', (row) => row.error],
  ['job_id', 'plain', (row) => row.jobId],
  ['started_at', 'ms', (row) => row.startedAt],
  ['ended_at', 'ms', (row) => row.endedAt],
];

export const logColumns: readonly Column<LogInsert>[] = [
  ['instance_id', 'plain', (row) => row.instanceId],
  ['path', 'plain', (row) => row.path],
  ['generation', 'int', (row) => row.generation],
  ['attempt', 'int', (row) => row.attempt],
  ['org_id', 'plain', (row) => row.orgId],
  ['at', 'ms', (row) => row.at],
  ['line', 'free', (row) => row.line],
];

export const eventColumns: readonly Column<InstanceEvent>[] = [
  ['id', 'plain', (row) => row.id],
  ['sequence', 'bigint', (row) => row.sequence],
  ['type', 'plain', (row) => row.type],
  ['org_id', 'plain', (row) => row.orgId],
  ['parent', 'plain', (row) => `workflow:${row.workflowId}`],
  ['payload', 'plain', (row) => payloadText(row.payload)],
  ['request_id', 'plain', (row) => row.requestId],
];

/** The same of their events. */
export const eventsOnce: readonly string[] = ['request_id', 'org_id', 'parent'];
