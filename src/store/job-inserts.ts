/** New rows of jobs: those of steps, and those that were submitted directly. Each is queued, with its event, in the caller's transaction. */
import type { RetryPolicy } from '../contract/graph.ts';
import type { CommandSpec } from '../contract/command.ts';
import type { Job } from '../contract/jobs.ts';
import { hot, type Sql } from './client.ts';
import { JOB_COLUMNS, jobEvent, toJob, type JobRow } from './jobs.ts';
import { writeEvents } from './outbox.ts';

export interface NewStepJob {
  readonly id: string;
  readonly orgId: string;
  readonly queue: string;
  readonly type: string;
  readonly instanceId: string;
  readonly stepPath: string;
  readonly stepGeneration: number;
  readonly stepAttempt: number;
  readonly priority: number;
  readonly resources: Job['resources'];
  /** It may be ended and put back in line for something more important. Default: false. */
  readonly preemptible?: boolean | undefined;
  readonly timeoutMs: number | null;
  /** On whose behalf it runs. */
  readonly principal: string | null;
  readonly createdAt: Date;
}

/** Queues the jobs of steps, in the caller's transaction. */
export async function insertStepJobs(sql: Sql, jobs: readonly NewStepJob[]): Promise<void> {
  if (jobs.length === 0) return;
  const column = <K extends keyof NewStepJob>(key: K): NewStepJob[K][] => jobs.map((job) => job[key]);
  const { rows } = await sql.query<JobRow>(
    `insert into jobs (id, org_id, queue, type, status, instance_id, step_path, step_generation, step_attempt, priority, resources, preemptible, timeout_ms, principal, created_at, seq)
     select id, org_id, queue, type, 'queued', instance_id, step_path, step_generation, step_attempt, priority,
       -- A queue of devices gives each job one, unless it says what it needs of them.
       case when coalesce(default_gpus, 0) > 0 and not resources::jsonb ?| array['gpus', 'vramBytes'] then resources::jsonb || jsonb_build_object('gpus', default_gpus) else resources::jsonb end,
       preemptible, timeout_ms, principal, created_at, 1
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::int[], $9::int[], $10::text[], $11::bigint[], $12::text[], $13::timestamptz[], $14::boolean[])
       as new (id, org_id, queue, type, instance_id, step_path, step_generation, step_attempt, priority, resources, timeout_ms, principal, created_at, preemptible)
       left join queues on queues.name = new.queue
     returning ${JOB_COLUMNS}`,
    [
      column('id'),
      column('orgId'),
      column('queue'),
      column('type'),
      column('instanceId'),
      column('stepPath'),
      column('stepGeneration'),
      column('stepAttempt'),
      column('priority'),
      jobs.map((job) => JSON.stringify(job.resources)),
      column('timeoutMs'),
      column('principal'),
      column('createdAt'),
      jobs.map((job) => job.preemptible ?? false),
    ],
  );
  await writeEvents(
    sql,
    rows.map((row) => jobEvent(row, 'jobs:job:queued')),
  );
}

export interface NewDirectJob {
  readonly id: string;
  readonly orgId: string;
  readonly queue: string;
  readonly spec: CommandSpec;
  readonly name: string | null;
  readonly group: Job['group'] | undefined;
  readonly blockedBy: number;
  readonly preemptible: boolean;
  /** Of its command and labels. */
  readonly signature: string;
  readonly priority: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: Job['resources'];
  readonly retry: { readonly [Key in keyof RetryPolicy]?: RetryPolicy[Key] | undefined };
  readonly timeoutMs: number | null;
  readonly principal: string;
  readonly createdAt: Date;
}

/** Queues jobs that were submitted directly. */
export async function insertDirectJobs(sql: Sql, jobs: readonly NewDirectJob[], requestId: string): Promise<Job[]> {
  const column = <K extends keyof NewDirectJob>(key: K): NewDirectJob[K][] => jobs.map((job) => job[key]);
  const text = (key: 'spec' | 'labels' | 'resources' | 'retry'): string[] => jobs.map((job) => JSON.stringify(job[key]));
  const { rows } = await sql.query<JobRow>(
    hot(`insert into jobs (id, org_id, queue, type, status, spec, priority, labels, resources, retry, timeout_ms, principal, created_at, name, group_id, group_index, group_size,
       group_values, blocked_by, preemptible, signature, seq)
     select id, org_id, queue, 'command', 'queued', spec::jsonb, priority, labels::jsonb, resources::jsonb, retry::jsonb, timeout_ms, principal, created_at, name, group_id,
       group_index, group_size, group_values::jsonb, blocked_by, preemptible, signature, 1
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::text[], $11::timestamptz[], $12::text[],
       $13::text[], $14::int[], $15::int[], $16::text[], $17::int[], $18::boolean[], $19::text[])
       as new (id, org_id, queue, spec, priority, labels, resources, retry, timeout_ms, principal, created_at, name, group_id, group_index, group_size, group_values,
         blocked_by, preemptible, signature)
     returning ${JOB_COLUMNS}`),
    [
      column('id'),
      column('orgId'),
      column('queue'),
      text('spec'),
      column('priority'),
      text('labels'),
      text('resources'),
      text('retry'),
      column('timeoutMs'),
      column('principal'),
      column('createdAt'),
      column('name'),
      jobs.map(({ group }) => group?.id ?? null),
      jobs.map(({ group }) => group?.index ?? null),
      jobs.map(({ group }) => group?.size ?? null),
      jobs.map(({ group }) => (group?.matrix === undefined ? null : JSON.stringify(group.matrix))),
      column('blockedBy'),
      column('preemptible'),
      column('signature'),
    ],
  );
  await writeEvents(
    sql,
    rows.map((row) => jobEvent(row, 'jobs:job:queued', requestId)),
  );
  return rows.map(toJob).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
