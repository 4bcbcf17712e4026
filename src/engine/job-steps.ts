/** Steps that run as jobs: queues them with the journal, prepares their command where they run, and takes their end. One job is one attempt;
 *  the engine retries by queueing another. The job's row tells the end, so that recovery and another process's worker take the same way. */
import type { CommandSpec } from '../contract/jobs.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { NodeError, type JobEnded, type JobNodeType, type NodeResult } from '../nodes/kit.ts';
import { readJobResult } from '../store/jobs.ts';
import { failure, type Core } from './core.ts';
import { walled } from './fault.ts';
import { failureOf, finish, occupy, releaseHeld, vacate } from './finish.ts';
import type { CompiledNode } from './graph.ts';
import { isTooLarge, MAX_OUTPUT_BYTES } from './limits.ts';
import { pathOf, type Live, type LiveStep } from './live.ts';
import { patiently } from './patient.ts';
import { redactionOf } from './redaction.ts';
import { resolve, type Resolved } from './resolve.ts';
import { retryLater } from './retry-step.ts';
import { bufferOf, flush, stageStep } from './stage.ts';
import { failpoint } from '../kernel/failpoint.ts';

export function startJob(core: Core, live: Live, node: CompiledNode, step: LiveStep): void {
  const run = occupy(core, live, node, step);
  // Evaluated here to be shown and to fail early; evaluated again, with secrets, where the job runs.
  resolveParams(core, live, node).then(
    (resolved) => {
      if (vacate(core, live, node, run)) walled(core, live, () => enqueue(core, live, node, step, JSON.stringify(resolved.stored)));
      releaseHeld(core, live);
    },
    (error: unknown) => {
      if (!vacate(core, live, node, run)) return;
      finish(core, live, node, step, { status: 'failed', attempt: step.attempt + 1, error: failureOf(error), wait: null, endedAt: core.clock.now() }, false);
    },
  );
}

async function resolveParams(core: Core, live: Live, node: CompiledNode): Promise<Resolved> {
  return resolve(node.params, live.scope, {
    evaluator: core.evaluator,
    readSecret: (name) => patiently(core, () => core.parts.secrets.read(live.orgId, name)),
  });
}

function enqueue(core: Core, live: Live, node: CompiledNode, step: LiveStep, input: string): void {
  const type = node.type as JobNodeType;
  const queue = node.node.queue ?? type.queue;
  const now = core.clock.now();
  const jobId = newId('job', core.clock);
  const attempt = step.attempt + 1;
  stageStep(core, live, node, step, {
    status: 'queued',
    attempt,
    jobId,
    workerId: null,
    queuedAt: now,
    startedAt: null,
    error: null,
    input: shorten(input),
    wait: { kind: 'queue', message: `waits for a slot of the queue ${queue}` },
  });
  bufferOf(core, live).jobs.push({
    id: jobId,
    orgId: live.orgId,
    queue,
    type: node.type.type,
    instanceId: live.id,
    stepPath: pathOf(node),
    stepGeneration: step.generation,
    stepAttempt: attempt,
    priority: node.node.priority ?? live.priority,
    resources: node.node.resources ?? {},
    timeoutMs: node.node.timeoutMs ?? node.type.timeoutMs ?? null,
    principal: live.principal,
    createdAt: new Date(now),
  });
  core.jobs.set(jobId, { live, node });
  flush(core, live, (lost) => {
    if (lost !== undefined) return;
    const passed = failpoint('job.before_wake');
    if (passed instanceof Promise)
      passed.then(
        () => core.parts.jobs.wake(queue),
        () => undefined,
      );
    else core.parts.jobs.wake(queue);
  });
}

function shorten(text: string): string {
  return text.length > MAX_OUTPUT_BYTES ? JSON.stringify({ truncated: true, bytes: Buffer.byteLength(text) }) : text;
}

/** The job's process has begun. Unknown jobs are another process's, or over. */
export function onJobStarted(core: Core, job: { readonly id: string; readonly workerId?: string | undefined }): void {
  const found = core.jobs.get(job.id);
  if (found === undefined || found.live.isGone) return;
  const { live, node } = found;
  const step = live.steps[node.index];
  if (step?.jobId !== job.id || step.status !== 'queued') return;
  stageStep(core, live, node, step, { status: 'running', startedAt: core.clock.now(), workerId: job.workerId ?? null, wait: null });
  flush(core, live);
}

/** The job's row says that it ended: read it and go on. Safe to call twice, and for jobs that are not ours. */
export async function onJobEnded(core: Core, jobId: string): Promise<void> {
  const found = core.jobs.get(jobId);
  if (found === undefined || found.live.isGone) return;
  const { live, node } = found;
  const step = live.steps[node.index];
  if (step?.jobId !== jobId || live.running.has(node.index)) return;
  await failpoint('job.ended');
  const row = await readJobResult(core.parts.database.engine, jobId);
  if (row === undefined || row.status === 'queued' || row.status === 'running') return;
  if (core.jobs.get(jobId) !== found || live.isGone || live.running.has(node.index)) return;
  const run = occupy(core, live, node, step);
  const ended = await judge(core, live, node, row);
  if (!vacate(core, live, node, run)) return;
  core.jobs.delete(jobId);
  walled(core, live, () => settleJob(core, live, node, step, ended));
  releaseHeld(core, live);
}

type Ended =
  | { readonly result: NodeResult & { readonly kind: 'output' } }
  | { readonly status: 'failed' | 'timed_out' | 'cancelled'; readonly error: ReturnType<typeof failure>; readonly isFinal: boolean };

async function judge(core: Core, live: Live, node: CompiledNode, row: NonNullable<Awaited<ReturnType<typeof readJobResult>>>): Promise<Ended> {
  if (row.result === null) return withoutResult(row);
  let mask = (text: string): string => text;
  try {
    const type = node.type as JobNodeType;
    const resolved = await resolveParams(core, live, node);
    const redaction = redactionOf(resolved.made);
    mask = redaction.text;
    const params = type.params.parse(resolved.live);
    const result = type.toOutput(params as never, JSON.parse(row.result) as JobEnded);
    if (result.kind !== 'output') throw new NodeError('bad_result', `${node.type.type} gave "${result.kind}", which a job can not`, { final: true });
    const output = redaction.json(result.output);
    const text = JSON.stringify(output);
    if (isTooLarge(text))
      throw new NodeError(
        'too_large',
        `the output has ${Buffer.byteLength(text)} bytes, the limit is ${MAX_OUTPUT_BYTES}; leave it in $STUDIO_ARTIFACTS instead`,
        { final: true },
      );
    return { result: { ...result, output } };
  } catch (error) {
    const fault = failureOf(error, mask);
    return { status: fault.code === 'timeout' ? 'timed_out' : 'failed', error: fault, isFinal: error instanceof NodeError && error.final };
  }
}

/** The job never ran to an exit of its own. */
function withoutResult(row: NonNullable<Awaited<ReturnType<typeof readJobResult>>>): Ended {
  const code = row.error?.code ?? row.reason ?? (row.status === 'completed' ? 'no_result' : row.status);
  const error = row.error ?? failure(code, row.reason === null ? `the job ended ${row.status} without a result` : `the job ended ${row.status}: ${row.reason}`);
  if (row.status === 'cancelled') return { status: 'cancelled', error, isFinal: true };
  return { status: code === 'timeout' || row.reason === 'timeout' ? 'timed_out' : 'failed', error, isFinal: row.status === 'dead' };
}

function settleJob(core: Core, live: Live, node: CompiledNode, step: LiveStep, ended: Ended): void {
  const endedAt = core.clock.now();
  if ('result' in ended) {
    const { output, port, reason } = ended.result;
    return finish(
      core,
      live,
      node,
      step,
      { status: 'completed', output, hasOutput: true, port: port ?? null, reason: reason ?? null, error: null, wait: null, endedAt },
      false,
    );
  }
  if (
    ended.status !== 'cancelled' &&
    retryLater(core, live, node, step, {
      attempt: step.attempt,
      status: ended.status,
      error: ended.error,
      isFinal: ended.isFinal,
      startedAt: step.startedAt,
      jobId: step.jobId,
    })
  )
    return;
  finish(core, live, node, step, { status: ended.status, error: ended.error, wait: null, endedAt }, false);
}

/** The command of a step's job, secrets and all, and what to mask in its log. Asked where the job runs. */
export async function commandOf(core: Core, live: Live, node: CompiledNode): Promise<{ readonly spec: CommandSpec; readonly redact: readonly string[] }> {
  if (node.type.runs !== 'job') fail('conflict', `step ${pathOf(node)} of ${live.id} is no job`);
  const resolved = await resolveParams(core, live, node);
  const parsed = node.type.params.safeParse(resolved.live);
  if (!parsed.success)
    throw new NodeError(
      'bad_params',
      `the params of ${node.type.type} are not as it needs them: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
      { final: true },
    );
  return { spec: node.type.toCommand(parsed.data as never), redact: resolved.made };
}
