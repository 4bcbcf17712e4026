/** From a submission to rows: checks what can be checked early, makes the jobs of an array or a matrix, ties them to what they wait for.
 *  Refuses by name; never touches a process or a file. */
import type * as z from 'zod';
import type { Caller } from '../contract/caller.ts';
import { filePathFault } from '../contract/files.ts';
import { MAX_GROUP } from '../contract/job-groups.ts';
import type { CommandSpec } from '../contract/command.ts';
import type { Job, submitJob } from '../contract/jobs.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Sql } from '../store/client.ts';
import { insertDependencies, lockDependencies, type FoundDependency, type NamedDependency } from '../store/job-dependencies.ts';
import { insertDirectJobs, type NewDirectJob } from '../store/job-inserts.ts';
import { readQueueForSubmit } from '../store/queues.ts';
import { needsOf } from './line.ts';
import type { RunParts } from './parts.ts';
import { signatureOf } from './sizes.ts';

export type SubmitBody = z.infer<typeof submitJob>;

export interface SubmitRequest {
  readonly orgId: string;
  readonly caller: Pick<Caller, 'userId'>;
  readonly body: SubmitBody;
  /** Of the jobs to be made, as many as `countOf` says; and of their group. Default: new ones. */
  readonly ids?: readonly string[] | undefined;
  readonly groupId?: string | undefined;
  readonly requestId: string;
}

export interface Submitted {
  readonly ids: string[];
  readonly groupId: string | undefined;
  readonly job: Job;
}

type Matrix = NonNullable<NonNullable<Job['group']>['matrix']>;

const WORDS = { low: 25, normal: 50, high: 75, critical: 100 } as const;
/** All specs of one submission together: they are written in one transaction. */
const MAX_SPEC_BYTES = 64 * 1024 * 1024;

/** A priority as it is kept, from 0 to 100. */
export function priorityOf(given: number | keyof typeof WORDS): number {
  return typeof given === 'number' ? given : WORDS[given];
}

/** How many jobs a submission makes. @throws AppError invalid_body when it is too many, or array and matrix are both given */
export function countOf(body: Pick<SubmitBody, 'array' | 'matrix'>): number {
  if (body.array !== undefined && body.matrix !== undefined)
    fail('invalid_body', { message: 'Give "array" or "matrix", not both; a matrix numbers its jobs too ($STUDIO_ARRAY_INDEX).', details: { path: 'matrix' } });
  if (body.matrix === undefined) return body.array ?? 1;
  const names = Object.keys(body.matrix);
  if (names.length === 0) fail('invalid_body', { message: 'matrix: name at least one parameter with its values.', details: { path: 'matrix' } });
  const count = Object.values(body.matrix).reduce((product, values) => product * values.length, 1);
  if (count > MAX_GROUP)
    fail('invalid_body', {
      message: `matrix: ${names.map((name) => body.matrix?.[name]?.length).join(' × ')} values make ${count} jobs; the limit of one submission is ${MAX_GROUP}. Split it.`,
      details: { path: 'matrix', jobs: count, limit: MAX_GROUP },
    });
  return count;
}

/** @throws AppError invalid_body, unsatisfiable, queue_full, conflict, too_large */
export async function submitJobs(
  request: SubmitRequest,
  parts: Pick<RunParts, 'database' | 'clock'> & { readonly ledger: Pick<RunParts['ledger'], 'neverReason' | 'largest'> },
): Promise<Submitted & { queue: string }> {
  const { body, orgId } = request;
  const count = countOf(body);
  const {
    name,
    queue: queueName = 'studio',
    resources: asked = {},
    timeoutMs,
    retry = {},
    priority = 50,
    labels = {},
    array,
    matrix,
    dependsOn = [],
    ...rest
  } = body;
  const { preemptible = false, ...spec } = rest;
  checkSpec(spec, matrix);
  const { defaultGpus } = await checkQueue(queueName, count, parts);
  const resources = withDefaults(asked, defaultGpus);
  checkResources(resources, { queue: queueName, isDefault: resources !== asked, ledger: parts.ledger });
  const isGroup = array !== undefined || matrix !== undefined;
  const groupId = isGroup ? (request.groupId ?? newId('grp', parts.clock)) : undefined;
  const combinations = matrix === undefined ? undefined : product(matrix);
  const createdAt = new Date(parts.clock.now());
  const rows = Array.from({ length: count }, (_, index): Omit<NewDirectJob, 'blockedBy'> => {
    const values = combinations?.[index];
    const own = values === undefined ? spec : withValues(spec, values);
    return {
      id: request.ids?.[index] ?? newId('job', parts.clock),
      orgId,
      queue: queueName,
      spec: own,
      signature: signatureOf(own, labels),
      name: name === undefined ? null : filled(name, values),
      group: groupId === undefined ? undefined : { id: groupId, index, size: count, ...(values === undefined ? {} : { matrix: values }) },
      priority: priorityOf(priority),
      labels,
      resources,
      retry,
      timeoutMs: timeoutMs ?? null,
      preemptible,
      principal: request.caller.userId,
      createdAt,
    };
  });
  checkSize(spec, count);
  const made = await parts.database.engine.transaction(async (sql) => {
    const awaited = await requireDependencies(sql, orgId, dependsOn);
    const open = awaited.filter(({ status }) => status === 'queued' || status === 'running');
    const jobs = await insertDirectJobs(
      sql,
      rows.map((row) => ({ ...row, blockedBy: open.length })),
      request.requestId,
    );
    await insertDependencies(sql, { orgId, jobIds: jobs.map(({ id }) => id), on: awaited });
    return jobs;
  });
  const [job] = made;
  if (job === undefined) throw new Error('submitted jobs did not come back from their insert');
  return { ids: made.map((one) => one.id), groupId, job, queue: queueName };
}

async function checkQueue(name: string, count: number, parts: Pick<RunParts, 'database'>): Promise<{ readonly defaultGpus: number }> {
  const queue = await readQueueForSubmit(parts.database.engine, name);
  if (queue === undefined) fail('unsatisfiable', { message: `There is no queue "${name}"; GET /api/v1/queues lists them.`, details: { queue: name } });
  if (queue.state === 'draining')
    fail('conflict', {
      message: `The queue ${name} is draining and takes no new jobs; set draining to false, or use another queue.`,
      details: { queue: name },
    });
  const { pending } = queue;
  if (pending + count <= queue.maxPending) return queue;
  return fail('queue_full', {
    message: `The queue ${name} holds ${pending} waiting jobs; ${count} more would pass its limit of ${queue.maxPending}.`,
    details: { queue: name, pending, limit: queue.maxPending },
    retryAfterS: 10,
  });
}

/** A queue of devices gives each job one, unless it says what it needs of them. */
function withDefaults(asked: Job['resources'], defaultGpus: number): Job['resources'] {
  return defaultGpus === 0 || asked.gpus !== undefined || asked.vramBytes !== undefined ? asked : { ...asked, gpus: defaultGpus };
}

function checkResources(
  resources: Job['resources'],
  facts: { readonly queue: string; readonly isDefault: boolean; readonly ledger: Pick<RunParts['ledger'], 'neverReason' | 'largest'> },
): void {
  const never = facts.ledger.neverReason(needsOf(resources));
  if (never === undefined) return;
  const hint = facts.isDefault
    ? ` The queue ${facts.queue} gives each job ${resources.gpus === 1 ? 'a GPU' : `${resources.gpus} GPUs`} unless resources.gpus says otherwise.`
    : '';
  fail('unsatisfiable', { message: `No state of this machine could run the job: ${never}.${hint}`, details: { resources, largest: facts.ledger.largest() } });
}

function checkSpec(spec: CommandSpec, matrix: SubmitBody['matrix']): void {
  if ((spec.command === undefined) === (spec.script === undefined))
    fail('invalid_body', {
      message: 'Give either "command" (a list of arguments) or "script" (text for a shell), not both and not neither.',
      details: { path: 'command' },
    });
  for (const [name, file] of Object.entries(spec.files ?? {})) {
    const path = typeof file === 'string' ? file : 'path' in file ? file.path : undefined;
    const fault = filePathFault(name) ?? (path === undefined ? undefined : filePathFault(path)) ?? urlFault(file);
    if (fault !== undefined) fail('invalid_body', { message: `files: ${JSON.stringify(name)}: ${fault}.`, details: { path: 'files' } });
  }
  if (spec.python !== undefined && spec.requirements === undefined)
    fail('invalid_body', { message: 'python: it names the interpreter of an environment; give "requirements" with it.', details: { path: 'python' } });
  const unknown = [...(spec.command ?? []), ...Object.values(spec.env ?? {})]
    .flatMap((text) => [...text.matchAll(VALUE)].map((match) => match[1] ?? ''))
    .find((name) => matrix !== undefined && !(name in matrix));
  if (unknown !== undefined)
    fail('invalid_body', {
      message: `{{ matrix.${unknown} }}: the matrix has no "${unknown}", only ${Object.keys(matrix ?? {}).join(', ')}.`,
      details: { path: 'matrix' },
    });
}

function urlFault(file: NonNullable<CommandSpec['files']>[string]): string | undefined {
  if (typeof file === 'string' || !('url' in file)) return undefined;
  if (!URL.canParse(file.url)) return `"${file.url.slice(0, 200)}" is not a URL; write https://host/path`;
  return /^https?:$/.test(new URL(file.url).protocol) ? undefined : 'only http:// and https:// URLs are fetched';
}

function checkSize(spec: CommandSpec, count: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec)) * count;
  if (bytes > MAX_SPEC_BYTES)
    fail('too_large', {
      message: `${count} jobs of this size come to ${bytes} bytes; the limit of one submission is ${MAX_SPEC_BYTES}. Upload what is large under Files and name it in "files".`,
      details: { bytes, limit: MAX_SPEC_BYTES },
    });
}

/** Every combination, the last name counting fastest. */
function product(matrix: NonNullable<SubmitBody['matrix']>): readonly Matrix[] {
  return Object.entries(matrix).reduce<readonly Matrix[]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

const VALUE = /\{\{\s*matrix\.([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}/g;

function filled(text: string, values: Matrix | undefined): string {
  return values === undefined ? text : text.replace(VALUE, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** Arguments and env values only: what is put into a script would be read by a shell. */
function withValues(spec: CommandSpec, values: Matrix): CommandSpec {
  return {
    ...spec,
    ...(spec.command === undefined ? {} : { command: spec.command.map((argument) => filled(argument, values)) }),
    ...(spec.env === undefined ? {} : { env: Object.fromEntries(Object.entries(spec.env).map(([name, value]) => [name, filled(value, values)])) }),
  };
}

async function requireDependencies(sql: Sql, orgId: string, given: NonNullable<SubmitBody['dependsOn']>): Promise<readonly FoundDependency[]> {
  const named = given.map((one): NamedDependency => (typeof one === 'string' ? { id: one, condition: 'afterok' } : one));
  const found = await lockDependencies(sql, { orgId, named });
  const known = new Set(found.map(({ namedBy }) => namedBy));
  const missing = named.findIndex(({ id }) => !known.has(id));
  if (missing >= 0)
    fail('invalid_body', { message: `dependsOn[${missing}]: there is no job or group ${named[missing]?.id}.`, details: { path: `dependsOn[${missing}]` } });
  const failed = found.find(({ status, condition }) => condition === 'afterok' && ['failed', 'cancelled', 'dead'].includes(status));
  if (failed !== undefined)
    fail('unsatisfiable', {
      message: `dependsOn: job ${failed.id} has ended as ${failed.status}, so it will not complete; retry it first, or use the condition afterany.`,
      details: { job: failed.id, status: failed.status },
    });
  return found;
}
