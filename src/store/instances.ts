/** Rows of instances as the engine needs them: loading, adopting, deleting. Live ones change only through the journal of their owner (store/journal.ts). */
import type { Json } from '../contract/endpoint.ts';
import type { Failure } from '../contract/instances.ts';
import type { InstanceStatus } from '../contract/values.ts';
import { hot, type Sql } from './client.ts';
import { parentOf, type ParentColumns } from './instance-rows.ts';
import { writeEvents } from './outbox.ts';
import { deleteWhatHangsOn } from './run-data.ts';

const LIVE = `('pending', 'running', 'waiting', 'paused')`;

/** The last number of an instance's stream: its row changes with its status only, its steps may be ahead. Where one instance is asked for, its
 *  steps are too by the parameter itself: PostgreSQL then plans one period of them, not all. */
const SEQ_OF_SECOND = `greatest(i.seq, (select max(s.seq) from steps s where s.instance_id = $2)) as seq`;

/** What the engine loads of an instance. */
export interface StoredInstance {
  readonly id: string;
  readonly orgId: string;
  readonly workflowId: string;
  readonly workflowName: string;
  readonly version: number;
  readonly status: InstanceStatus;
  readonly input: Json;
  readonly labels: Record<string, string>;
  readonly priority: number;
  readonly startedBy: string;
  readonly principal: string | null;
  readonly ownerEpoch: number | null;
  readonly seq: number;
  readonly createdAt: number;
  readonly startedAt: number | null;
  /** The step that called it. */
  readonly parent: { readonly instanceId: string; readonly path: string; readonly generation: number | null } | undefined;
  readonly depth: number;
  readonly debug: boolean;
  /** A test run, or called by one. */
  readonly isTest: boolean;
  /** The user who started it, by hand or with a key. */
  readonly starter: string | null;
  /** What the workflow's limits count it under; null: no such limit. */
  readonly limitKey: string | null;
  readonly rateKey: string | null;
}

interface StoredRow extends ParentColumns {
  id: string;
  org_id: string;
  workflow_id: string;
  workflow_name: string;
  version: number;
  status: InstanceStatus;
  input: string;
  labels: Record<string, string>;
  priority: number;
  started_by: string;
  principal: string | null;
  owner_epoch: number | null;
  seq: number;
  created_at: Date;
  started_at: Date | null;
  depth: number;
  debug: boolean;
  is_test: boolean;
  starter: string | null;
  limit_key: string | null;
  rate_key: string | null;
}

const STORED = `i.id, i.org_id, i.workflow_id, w.name as workflow_name, i.version, i.status, i.input, i.labels, i.priority, i.started_by, i.principal, i.owner_epoch,
  i.created_at, i.started_at, i.parent_id, i.parent_path, i.parent_generation, i.depth, i.debug, i.is_test, i.starter,
  i.limit_key, i.rate_key`;

/** @returns undefined when the org has no such instance */
export async function readStoredInstance(sql: Sql, instance: { readonly orgId: string | undefined; readonly id: string }): Promise<StoredInstance | undefined> {
  const { rows } = await sql.query<StoredRow>(
    hot(`select ${STORED}, ${SEQ_OF_SECOND} from instances i join workflows w on w.id = i.workflow_id where i.id = $2 and ($1::text is null or i.org_id = $1)`),
    [instance.orgId ?? null, instance.id],
  );
  return rows[0] === undefined ? undefined : toStored(rows[0]);
}

/** Epochs that own live instances and stand for no owner any more. */
export async function listOrphanEpochs(sql: Sql): Promise<number[]> {
  const { rows } = await sql.query<{ epoch: number }>(
    `select distinct owner_epoch as epoch from instances where status in ${LIVE} and owner_epoch is not null and owner_epoch not in (select epoch from owners) order by epoch`,
  );
  return rows.map((row) => row.epoch);
}

/** Takes live instances of a dead owner, oldest first, those after `after`. Two processes never take the same one.
 *  @returns their ids alone: what their rows say is read when nothing else can take them up (readStoredInstances) */
export async function adoptInstances(
  sql: Sql,
  adoption: { readonly epoch: number; readonly from: number; readonly after: string; readonly limit: number },
): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `with free as (
       select id from instances where status in ${LIVE} and owner_epoch = $2 and id > $3 order by id limit $4 for update skip locked
     ) update instances set owner_epoch = $1 where id in (select id from free) returning id`,
    [adoption.epoch, adoption.from, adoption.after, adoption.limit],
  );
  return rows.map((row) => row.id).toSorted();
}

/** The rows of many instances, oldest first; those that are gone are left out. */
export async function readStoredInstances(sql: Sql, instanceIds: readonly string[]): Promise<StoredInstance[]> {
  const ids = instanceIds.toSorted();
  if (ids.length === 0) return [];
  const { rows } = await sql.query<StoredRow>(
    `select ${STORED}, greatest(i.seq, (select max(s.seq) from steps s where s.instance_id = i.id and s.instance_id >= $2 and s.instance_id <= $3)) as seq
     from instances i join workflows w on w.id = i.workflow_id where i.id = any($1) order by i.id`,
    [ids, ids[0], ids.at(-1)],
  );
  return rows.map(toStored);
}

/** Takes one instance, whatever its status, when nobody living owns it or it has ended. @returns false when another process holds it */
export async function adoptInstance(sql: Sql, adoption: { readonly id: string; readonly epoch: number }): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update instances set owner_epoch = $2 where id = $1 and (owner_epoch = $2 or owner_epoch is null or status not in ${LIVE} or owner_epoch not in (select epoch from owners))`,
    [adoption.id, adoption.epoch],
  );
  return rowCount === 1;
}

function toStored(row: StoredRow): StoredInstance {
  return {
    id: row.id,
    orgId: row.org_id,
    workflowId: row.workflow_id,
    workflowName: row.workflow_name,
    version: row.version,
    status: row.status,
    input: JSON.parse(row.input) as Json,
    labels: row.labels,
    priority: row.priority,
    startedBy: row.started_by,
    principal: row.principal,
    ownerEpoch: row.owner_epoch,
    seq: row.seq,
    createdAt: row.created_at.getTime(),
    startedAt: row.started_at?.getTime() ?? null,
    parent: parentOf(row).parent,
    depth: row.depth,
    debug: row.debug,
    isTest: row.is_test,
    starter: row.starter,
    limitKey: row.limit_key,
    rateKey: row.rate_key,
  };
}

/** Live instances of a workflow, oldest first. */
export async function listLiveInstances(sql: Sql, query: { readonly orgId: string; readonly workflowId: string; readonly limit: number }): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select id from instances where org_id = $1 and workflow_id = $2 and status in ${LIVE} order by id limit $3`,
    [query.orgId, query.workflowId, query.limit],
  );
  return rows.map((row) => row.id);
}

/** Deletes an ended instance with all that hangs on it, and tells so. Call it in a transaction.
 *  @returns false when it is live or not there */
export async function deleteInstance(sql: Sql, instance: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<boolean> {
  const { rows } = await sql.query<{ workflow_id: string; status: InstanceStatus; seq: number }>(
    `delete from instances where org_id = $1 and id = $2 and status not in ${LIVE} returning workflow_id, status, seq`,
    [instance.orgId, instance.id],
  );
  const row = rows[0];
  if (row === undefined) return false;
  const last = Math.max(row.seq, await deleteWhatHangsOn(sql, [instance.id]));
  await writeEvents(sql, [
    {
      kind: 'instance',
      id: instance.id,
      sequence: last + 1,
      type: 'engine:instance:deleted',
      orgId: instance.orgId,
      parent: `workflow:${row.workflow_id}`,
      payload: { status: row.status },
      requestId: instance.requestId,
    },
  ]);
  return true;
}

/** How an instance stands, and what it gave. */
export async function readOutcome(
  sql: Sql,
  id: string,
): Promise<{ readonly status: InstanceStatus; readonly output: Json; readonly error: Failure | null } | undefined> {
  const { rows } = await sql.query<{ status: InstanceStatus; output: string | null; error: Failure | null }>(
    `select status, output, error from instances where id = $1`,
    [id],
  );
  const [row] = rows;
  return row === undefined ? undefined : { status: row.status, output: row.output === null ? null : (JSON.parse(row.output) as Json), error: row.error };
}

/** Of these instances, those that have ended or are gone. */
export async function listEndedInstances(sql: Sql, ids: readonly string[]): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `select n.id from unnest($1::text[]) as n (id) left join instances i on i.id = n.id where i.id is null or i.status not in ${LIVE}`,
    [[...ids]],
  );
  return rows.map((row) => row.id);
}

/** Live instances that were called by one that has ended: a crash came between its end and theirs. */
export async function listStrayChildren(sql: Sql, limit: number): Promise<{ id: string; orgId: string }[]> {
  const { rows } = await sql.query<{ id: string; org_id: string }>(
    `select i.id, i.org_id from instances i join instances p on p.id = i.parent_id
     where i.status in ${LIVE} and i.parent_generation is not null and p.status not in ${LIVE} order by i.id limit $1`,
    [limit],
  );
  return rows.map((row) => ({ id: row.id, orgId: row.org_id }));
}

/** Its steps wait for a person's word from now on, or no more. */
export async function updateDebug(sql: Sql, change: { readonly id: string; readonly debug: boolean }): Promise<void> {
  await sql.query(`update instances set debug = $2 where id = $1`, [change.id, change.debug]);
}

/** How these instances of an org stand; those that are not there are left out. */
export async function listStatuses(sql: Sql, query: { readonly orgId: string; readonly ids: readonly string[] }): Promise<ReadonlyMap<string, InstanceStatus>> {
  const { rows } = await sql.query<{ id: string; status: InstanceStatus }>(`select id, status from instances where org_id = $1 and id = any($2) order by id`, [
    query.orgId,
    [...query.ids],
  ]);
  return new Map(rows.map((row) => [row.id, row.status]));
}

/** Statuses of instances, for those who wait without owning them. */
export async function readStatus(sql: Sql, id: string): Promise<InstanceStatus | undefined> {
  const { rows } = await sql.query<{ status: InstanceStatus }>(`select status from instances where id = $1`, [id]);
  return rows[0]?.status;
}
