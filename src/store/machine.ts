/** What is kept of the machine as a whole: its settings, when it ran and at which price, what goes on, and what jobs held of it. Across orgs: for ops alone. */
import type { Json } from '../contract/endpoint.ts';
import { firstIdAt } from '../kernel/ids.ts';
import type { Sql } from './client.ts';

export async function readMachineSetting(sql: Sql, key: string): Promise<Json | undefined> {
  const { rows } = await sql.query<{ value: Json }>(`select value from machine_settings where key = $1`, [key]);
  return rows[0]?.value;
}

export async function writeMachineSetting(sql: Sql, setting: { readonly key: string; readonly value: Json; readonly now: Date }): Promise<void> {
  await sql.query(
    `insert into machine_settings (key, value, updated_at) values ($1, $2, $3) on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`,
    [setting.key, JSON.stringify(setting.value), setting.now],
  );
}

/** Values whose key begins with `prefix`, by key. */
export async function listMachineSettings(sql: Sql, prefix: string): Promise<Json[]> {
  const { rows } = await sql.query<{ value: Json }>(`select value from machine_settings where starts_with(key, $1) order by key limit 1000`, [prefix]);
  return rows.map(({ value }) => value);
}

export interface NewMachineRun {
  readonly id: string;
  readonly at: Date;
  readonly perHour: number | null;
  readonly currency: string;
  readonly gpus: number;
}

/** Begins a run. Its slots are those of all queues now. */
export async function insertMachineRun(sql: Sql, run: NewMachineRun): Promise<void> {
  await sql.query(
    `insert into machine_runs (id, started_at, seen_at, per_hour, currency, gpus, slots) select $1, $2, $2, $3, $4, $5, coalesce(sum(slots), 0) from queues`,
    [run.id, run.at, run.perHour, run.currency, run.gpus],
  );
}

/** It still runs. @returns false when its row is gone */
export async function touchMachineRun(sql: Sql, run: { readonly id: string; readonly at: Date }): Promise<boolean> {
  const { rowCount } = await sql.query(`update machine_runs set seen_at = $2 where id = $1 and seen_at <= $2`, [run.id, run.at]);
  return rowCount === 1;
}

export interface MachineRunRow {
  readonly startedAt: Date;
  readonly seenAt: Date;
  readonly perHour: number | null;
  readonly gpus: number;
  readonly slots: number;
}

/** Those that were there in a time, oldest first. LIMIT: 100,000, which is a new price every five minutes of a year. */
export async function listMachineRuns(sql: Sql, window: { readonly since: Date; readonly until: Date }): Promise<MachineRunRow[]> {
  const { rows } = await sql.query<MachineRunRow>(
    `select started_at as "startedAt", seen_at as "seenAt", per_hour as "perHour", gpus, slots from machine_runs
     where seen_at > $1 and started_at < $2 order by id limit 100000`,
    [window.since, window.until],
  );
  return rows;
}

export async function deleteOldMachineRuns(sql: Sql, before: Date): Promise<void> {
  await sql.query(`delete from machine_runs where seen_at < $1`, [before]);
}

export interface JobUseRow {
  readonly id: string;
  readonly orgId: string;
  readonly orgName: string;
  readonly workflowId: string | null;
  readonly workflowName: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly gpus: number;
  readonly vramBytes: number;
}

/** Jobs that ran in a time, newest first. LIMIT: the newest 50,000; what they cost before the first of these stays with nobody. */
export async function listJobUses(sql: Sql, window: { readonly since: Date; readonly until: Date }): Promise<JobUseRow[]> {
  const { rows } = await sql.query<JobUseRow>(
    `select j.id, j.org_id as "orgId", o.name as "orgName", w.id as "workflowId", w.name as "workflowName", j.started_at as "startedAt", j.ended_at as "endedAt",
       coalesce((j.resources ->> 'gpus')::float8, 0) as gpus, coalesce((j.resources ->> 'vramBytes')::float8, 0) as "vramBytes"
     from jobs j join orgs o on o.id = j.org_id left join instances i on i.id = j.instance_id left join workflows w on w.id = i.workflow_id
     where j.started_at < $2 and (j.ended_at is null or j.ended_at > $1) order by j.id desc limit 50000`,
    [window.since, window.until],
  );
  return rows;
}

export interface Activity {
  readonly liveInstances: number;
  readonly waitingInstances: number;
  readonly runningJobs: number;
  readonly queuedJobs: number;
  readonly openUploads: number;
  readonly openDownloads: number;
  /** On devices; of others the count of requests tells. */
  readonly modelsInUse: number;
  /** Answered requests to models today: what grows is used. */
  readonly modelRequests: number;
  /** Something was made after the time asked for. */
  readonly isFresh: boolean;
  readonly lastSeenAt: Date | null;
}

/** What goes on, and whether anything was made since the last look. */
export async function readActivity(sql: Sql, sinceMs: number): Promise<Activity> {
  const { rows } = await sql.query<Activity>(
    `select
       (select count(*) from instances where status in ('pending', 'running')) as "liveInstances",
       (select count(*) from instances where status = 'waiting') as "waitingInstances",
       (select count(*) from jobs where status = 'running') as "runningJobs",
       (select count(*) from jobs where status = 'queued') as "queuedJobs",
       (select count(*) from uploads where received < length and created_at > $3) as "openUploads",
       (select count(*) from downloads where status in ('queued', 'running')) as "openDownloads",
       (select count(*) from gpu_leases where kind = 'model' and idle_since is null) as "modelsInUse",
       (select coalesce(sum(requests), 0)::bigint from model_usage where day >= (now() at time zone 'utc')::date - 1) as "modelRequests",
       exists (select 1 from instances where id > $1) or exists (select 1 from jobs where id > $2) as "isFresh",
       greatest((select max(last_seen_at) from sessions), (select max(last_used_at) from api_keys)) as "lastSeenAt"`,
    [firstIdAt('inst', sinceMs), firstIdAt('job', sinceMs), new Date(sinceMs - UPLOAD_MS)],
  );
  return (
    rows[0] ?? {
      liveInstances: 0,
      waitingInstances: 0,
      runningJobs: 0,
      queuedJobs: 0,
      openUploads: 0,
      openDownloads: 0,
      modelsInUse: 0,
      modelRequests: 0,
      isFresh: true,
      lastSeenAt: null,
    }
  );
}

/** One that was begun longer ago and never went on keeps nothing awake. */
const UPLOAD_MS = 6 * 3_600_000;
