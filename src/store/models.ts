/** Rows of models. A change raises `seq` and writes its event in the same transaction; what a model does right now stands nowhere here. */
import type { Json } from '../contract/endpoint.ts';
import type { EventType } from '../contract/events.ts';
import type { ModelFile, ModelSource } from '../contract/models.ts';
import type { ModelEngineKind, ModelStatus } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { writeEvents } from './outbox.ts';
import type { models } from './schema-models.ts';

/** A file of a model. `place`: its path below the models folder. */
export interface PlacedFile extends ModelFile {
  readonly place: string;
}

/** A model as it is kept. */
export interface ModelRecord {
  readonly id: string;
  /** Null: of the machine. */
  readonly orgId: string | null;
  /** Whose secrets it may use; null: that org is gone. */
  readonly homeOrgId: string | null;
  readonly name: string;
  readonly engine: ModelEngineKind;
  readonly status: ModelStatus;
  readonly fault: string | null;
  readonly format: 'gguf' | 'safetensors' | 'other' | null;
  readonly architecture: string | null;
  readonly quantisation: string | null;
  readonly parameters: number | null;
  readonly contextLength: number | null;
  readonly bytes: number;
  readonly source: ModelSource;
  readonly files: readonly PlacedFile[];
  /** What models/estimate.ts reads; null: unknown. */
  readonly shape: Json;
  /** As contract/model-settings.ts says for its engine. */
  readonly settings: Readonly<Record<string, Json>>;
  readonly pinned: boolean;
  readonly ttlS: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

type Row = typeof models.$inferSelect;

const COLUMNS = `id, org_id as "orgId", home_org_id as "homeOrgId", name, engine, status, fault, format, architecture, quantisation, parameters, context_length as "contextLength",
  bytes, source, files, shape, settings, pinned, ttl_s as "ttlS", seq, created_at as "createdAt", updated_at as "updatedAt"`;

export type NewModel = Omit<ModelRecord, 'createdAt' | 'updatedAt' | 'fault'> & { readonly nowMs: number };

/** @returns false when another model of that owner has the name */
export async function insertModel(sql: Sql, model: NewModel, requestId?: string): Promise<boolean> {
  const { rowCount } = await sql.query(
    `insert into models (id, org_id, home_org_id, name, engine, status, format, architecture, quantisation, parameters, context_length, bytes, source, files, shape, settings,
       pinned, ttl_s, seq, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1, to_timestamp($19::float8 / 1000), to_timestamp($19::float8 / 1000))
     on conflict (coalesce(org_id, ''), name) do nothing`,
    [model.id, model.orgId, model.homeOrgId, model.name, model.engine, ...valuesOf(model), model.nowMs],
  );
  if (rowCount === 0) return false;
  await tell(sql, { id: model.id, org_id: model.orgId, name: model.name, status: model.status, seq: 1 }, 'models:model:changed', requestId);
  return true;
}

/** What both statements write, in their order. */
function valuesOf(model: Omit<ModelRecord, 'createdAt' | 'updatedAt' | 'fault'>): readonly unknown[] {
  return [
    ...[model.status, model.format, model.architecture, model.quantisation, model.parameters, model.contextLength, model.bytes],
    ...[JSON.stringify(model.source), JSON.stringify(model.files), model.shape === null ? null : JSON.stringify(model.shape), JSON.stringify(model.settings)],
    ...[model.pinned, model.ttlS],
  ];
}

/** Those that this connection may see, newest first. @param query.orgId on the engine's connection: those that this org may use */
export async function listModels(
  sql: Sql,
  query: {
    readonly after?: string | undefined;
    readonly limit: number;
    readonly engine?: ModelEngineKind | undefined;
    readonly orgId?: string | undefined;
  },
): Promise<ModelRecord[]> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from models
     where ($1::text is null or id < $1) and ($3::text is null or engine = $3) and ($4::text is null or org_id is null or org_id = $4)
     order by id desc limit $2`,
    [query.after ?? null, query.limit, query.engine ?? null, query.orgId ?? null],
  );
  return rows.map(toModel);
}

export async function readModel(sql: Sql, id: string): Promise<ModelRecord | undefined> {
  const { rows } = await sql.query<Row>(`select ${COLUMNS} from models where id = $1`, [id]);
  return rows[0] === undefined ? undefined : toModel(rows[0]);
}

/** The model that an org means by a name: its own before the machine's. */
export async function findModel(sql: Sql, at: { readonly orgId: string; readonly name: string }): Promise<ModelRecord | undefined> {
  const { rows } = await sql.query<Row>(
    `select ${COLUMNS} from models where name = $2 and (org_id is null or org_id = $1) order by org_id nulls last limit 1`,
    [at.orgId, at.name],
  );
  return rows[0] === undefined ? undefined : toModel(rows[0]);
}

export interface ModelChange {
  readonly name?: string | undefined;
  /** Null: the machine's. */
  readonly orgId?: string | null | undefined;
  readonly status?: ModelStatus | undefined;
  readonly fault?: string | null | undefined;
  readonly format?: ModelRecord['format'] | undefined;
  readonly architecture?: string | null | undefined;
  readonly quantisation?: string | null | undefined;
  readonly parameters?: number | null | undefined;
  readonly contextLength?: number | null | undefined;
  readonly bytes?: number | undefined;
  readonly source?: ModelSource | undefined;
  readonly files?: readonly PlacedFile[] | undefined;
  readonly shape?: Json | undefined;
  readonly settings?: Readonly<Record<string, Json>> | undefined;
  readonly pinned?: boolean | undefined;
  readonly ttlS?: number | null | undefined;
}

/** Changes what is given. @returns undefined when there is no such model  @throws a unique violation (isNameTaken) when the name is another's */
export async function updateModel(
  sql: Sql,
  id: string,
  change: ModelChange,
  at: { readonly nowMs: number; readonly requestId?: string | undefined },
): Promise<ModelRecord | undefined> {
  // Read and written under the row's lock: what is not given stays as it is now.
  const { rows: before } = await sql.query<Row>(`select ${COLUMNS} from models where id = $1 for update`, [id]);
  if (before[0] === undefined) return undefined;
  const next = { ...toModel(before[0]), ...Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) } as ModelRecord;
  const { rows } = await sql.query<Row>(
    `update models set name = $2, org_id = $3, fault = $4, status = $5, format = $6, architecture = $7, quantisation = $8, parameters = $9, context_length = $10,
       bytes = $11, source = $12, files = $13, shape = $14, settings = $15, pinned = $16, ttl_s = $17, seq = seq + 1, updated_at = to_timestamp($18::float8 / 1000)
     where id = $1 returning ${COLUMNS}`,
    [id, next.name, next.orgId, next.fault, ...valuesOf(next), at.nowMs],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  await tell(sql, { id, org_id: row.orgId, name: row.name, status: row.status, seq: row.seq }, 'models:model:changed', at.requestId);
  return toModel(row);
}

/** Something about a model that is no change of its row: it was loaded, it failed. @returns false when there is no such model */
export async function tellOfModel(sql: Sql, id: string, type: EventType, payload: Readonly<Record<string, Json>>): Promise<boolean> {
  const { rows } = await sql.query<{ org_id: string | null; name: string; status: string; seq: number }>(
    `update models set seq = seq + 1 where id = $1 returning org_id, name, status, seq`,
    [id],
  );
  if (rows[0] === undefined) return false;
  await tell(sql, { id, ...rows[0] }, type, undefined, payload);
  return true;
}

/** @returns the model that was deleted */
export async function deleteModel(sql: Sql, id: string, requestId?: string): Promise<ModelRecord | undefined> {
  const { rows } = await sql.query<Row>(`delete from models where id = $1 returning ${COLUMNS}`, [id]);
  const [row] = rows;
  if (row === undefined) return undefined;
  await tell(sql, { id, org_id: row.orgId, name: row.name, status: row.status, seq: row.seq + 1 }, 'models:model:deleted', requestId);
  return toModel(row);
}

/** Which of these contents a model still has, or a download that may go on. */
export async function findUsedContents(sql: Sql, hashes: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ sha256: string }>(
    `select file ->> 'sha256' as sha256 from models, jsonb_array_elements(files) as file where file ->> 'sha256' = any($1)
     union select file ->> 'sha256' from downloads, jsonb_array_elements(files) as file
       where status in ('queued', 'running', 'paused', 'failed') and file ->> 'sha256' = any($1)`,
    [hashes],
  );
  return new Set(rows.map((row) => row.sha256));
}

/** Whether `error` says that another model of the same owner has the name. */
export function isNameTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505' && 'constraint' in error && error.constraint === 'models_name';
}

async function tell(
  sql: Sql,
  model: { readonly id: string; readonly org_id: string | null; readonly name: string; readonly status: string; readonly seq: number },
  type: EventType,
  requestId: string | undefined,
  more: Readonly<Record<string, Json>> = {},
): Promise<void> {
  await writeEvents(sql, [
    {
      kind: 'model',
      id: model.id,
      sequence: model.seq,
      type,
      orgId: model.org_id,
      payload: { name: model.name, status: model.status, ...more },
      ...(requestId === undefined ? {} : { requestId }),
    },
  ]);
}

function toModel(row: Row): ModelRecord {
  const { seq: _seq, ...record } = row;
  return record as ModelRecord;
}
