/** Steps that run as jobs: queues them with the journal, prepares their command where they run, and takes their end. One job is one attempt;
 *  the engine retries by queueing another. The job's row tells the end, so that recovery and another process's worker take the same way. */
import type { CommandSpec } from '../contract/command.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { NodeError, type JobEnded, type JobNodeType, type NodeResult } from '../nodes/kit.ts';
import type { readJobResult } from '../store/jobs.ts';
import { parseParams, resolveParams, shortened } from './params.ts';
import { cacheKeyOf, fromCache } from './cache.ts';
import { failure, type Core } from './core.ts';
import { walled } from './fault.ts';
import { failureOf, finish, occupy, releaseHeld, vacate } from './finish.ts';
import { pathOf, type Frame, type LiveStep, type Ready } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { largeScope, storeLarge } from './large.ts';
import { isTooLarge } from './limits.ts';
import { noRedaction, redactionOf } from './redaction.ts';
import type { Resolved } from './resolve.ts';
import { retryLater } from './retry-step.ts';
import { bufferOf, flush, stageStep, type StepChange } from './stage.ts';
import { failpoint } from '../kernel/failpoint.ts';

export function startJob(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): void {
  const run = occupy(core, frame, node, step);
  // Evaluated here to be shown and to fail early; evaluated again, with secrets, where the job runs.
  resolveLater(core, frame, node, step).then(
    ({ resolved, cached }) => {
      if (vacate(core, frame, node, run))
        walled(core, frame.live, () =>
          cached === undefined
            ? enqueue(core, frame, node, step, JSON.stringify(resolved.stored))
            : finish(core, frame, node, step, { ...cached, input: shortened(JSON.stringify(resolved.stored)) }, false),
        );
      releaseHeld(core, frame.live);
    },
    (error: unknown) => {
      if (!vacate(core, frame, node, run)) return;
      finish(core, frame, node, step, { status: 'failed', attempt: step.attempt + 1, error: failureOf(error), wait: null, endedAt: core.clock.now() }, false);
    },
  );
}

/** The params, and a result that was made from the same before. */
async function resolveLater(
  core: Core,
  frame: Frame,
  node: CompiledNode,
  step: LiveStep,
): Promise<{ readonly resolved: Resolved; readonly cached: StepChange | undefined }> {
  const resolved = await resolveParams(core, frame, node);
  return { resolved, cached: await fromCache(core, frame, node, step, resolved) };
}

function enqueue(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, input: string): void {
  const { live } = frame;
  const type = node.type as JobNodeType;
  const queue = node.node.queue ?? type.queue;
  const now = core.clock.now();
  const jobId = newId('job', core.clock);
  const attempt = step.attempt + 1;
  stageStep(core, frame, node, step, {
    status: 'queued',
    attempt,
    jobId,
    workerId: null,
    queuedAt: now,
    startedAt: null,
    error: null,
    input: shortened(input),
    wait: { kind: 'queue', message: `waits for a slot of the queue ${queue}` },
  });
  bufferOf(core, live).jobs.push({
    id: jobId,
    orgId: live.orgId,
    queue,
    type: node.type.type,
    instanceId: live.id,
    stepPath: pathOf(frame, node),
    stepGeneration: step.generation,
    stepAttempt: attempt,
    priority: node.node.priority ?? live.priority,
    resources: node.node.resources ?? {},
    ...(node.node.preemptible === true ? { preemptible: true } : {}),
    timeoutMs: node.node.timeoutMs ?? node.type.timeoutMs ?? null,
    principal: live.principal,
    createdAt: new Date(now),
  });
  core.jobs.set(jobId, { frame, node });
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

/** Nobody waits for what it does any more. */
function isOver({ frame }: Ready): boolean {
  return frame.live.isGone || frame.isGone;
}

/** The job's process has begun. Unknown jobs are another process's, or over. */
export function onJobStarted(core: Core, job: { readonly id: string; readonly workerId?: string | undefined }): void {
  const found = core.jobs.get(job.id);
  if (found === undefined || isOver(found)) return;
  const { frame, node } = found;
  const step = frame.steps[node.index];
  if (step?.jobId !== job.id || step.status !== 'queued') return;
  stageStep(core, frame, node, step, { status: 'running', startedAt: core.clock.now(), workerId: job.workerId ?? null, wait: null });
  flush(core, frame.live);
}

export interface Requeued {
  readonly id: string;
  readonly reason: string;
  /** For something more important: it waits for its room again. */
  readonly isPreempted: boolean;
}

/** The job's process is gone, and the job back in line: the attempt goes on, it did not fail. */
export function onJobRequeued(core: Core, job: Requeued): void {
  const found = core.jobs.get(job.id);
  if (found === undefined || isOver(found)) return;
  const { frame, node } = found;
  const step = frame.steps[node.index];
  if (step?.jobId !== job.id || step.status !== 'running') return;
  const wait = job.isPreempted ? { kind: 'preempted', message: job.reason } : { kind: 'queue', message: `back in line: ${job.reason}` };
  stageStep(core, frame, node, step, { status: 'queued', queuedAt: core.clock.now(), startedAt: null, workerId: null, wait });
  flush(core, frame.live);
}

/** The job's row says that it ended: read it and go on. Safe to call twice, and for jobs that are not ours. */
export async function onJobEnded(core: Core, jobId: string): Promise<void> {
  const found = core.jobs.get(jobId);
  if (found === undefined || isOver(found)) return;
  const { frame, node } = found;
  const step = frame.steps[node.index];
  if (step?.jobId !== jobId || frame.running.has(node.index)) return;
  await failpoint('job.ended');
  const row = await core.store.readJobResult(jobId);
  if (row === undefined || row.status === 'queued' || row.status === 'running') return;
  if (core.jobs.get(jobId) !== found || isOver(found) || frame.running.has(node.index)) return;
  const run = occupy(core, frame, node, step);
  const ended = await judge(core, frame, node, row);
  if (!vacate(core, frame, node, run)) return;
  core.jobs.delete(jobId);
  walled(core, frame.live, () => settleJob(core, frame, node, step, ended));
  releaseHeld(core, frame.live);
}

type Ended =
  | { readonly result: NodeResult & { readonly kind: 'output' } }
  | { readonly status: 'failed' | 'timed_out' | 'cancelled'; readonly error: ReturnType<typeof failure>; readonly isFinal: boolean };

async function judge(core: Core, frame: Frame, node: CompiledNode, row: NonNullable<Awaited<ReturnType<typeof readJobResult>>>): Promise<Ended> {
  if (row.result === null) return withoutResult(row);
  let redaction = noRedaction;
  try {
    const type = node.type as JobNodeType;
    const resolved = await resolveParams(core, frame, node);
    redaction = redactionOf(resolved.made);
    const params = parseParams(node, resolved.live);
    const step = frame.steps[node.index];
    if (node.node.cache !== undefined && step !== undefined) step.cacheKey = await cacheKeyOf(core, frame, node, resolved);
    const result = type.toOutput(params as never, JSON.parse(row.result) as JobEnded);
    if (result.kind !== 'output') throw new NodeError('bad_result', `${node.type.type} gave "${result.kind}", which a job can not`, { final: true });
    const output = redaction.json(result.output);
    const text = JSON.stringify(output);
    if (isTooLarge(text)) return { result: { ...result, output: await storeLarge(core, frame, node, text) } };
    return { result: { ...result, output } };
  } catch (error) {
    const fault = failureOf(error, redaction);
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

function settleJob(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, ended: Ended): void {
  const endedAt = core.clock.now();
  if ('result' in ended) {
    const { output, port, reason } = ended.result;
    return finish(
      core,
      frame,
      node,
      step,
      { status: 'completed', output, hasOutput: true, port: port ?? null, reason: reason ?? null, error: null, wait: null, endedAt },
      false,
    );
  }
  if (
    ended.status !== 'cancelled' &&
    retryLater(core, frame, node, step, {
      attempt: step.attempt,
      status: ended.status,
      error: ended.error,
      isFinal: ended.isFinal,
      startedAt: step.startedAt,
      jobId: step.jobId,
    })
  )
    return;
  finish(core, frame, node, step, { status: ended.status, error: ended.error, wait: null, endedAt }, false);
}

/** The command of a step's job, secrets and all, and what to mask in its log. Asked where the job runs. */
export async function commandOf(core: Core, frame: Frame, node: CompiledNode): Promise<{ readonly spec: CommandSpec; readonly redact: readonly string[] }> {
  if (node.type.runs !== 'job') fail('conflict', `step ${pathOf(frame, node)} of ${frame.live.id} is no job`);
  const resolved = await resolveParams(core, frame, node);
  const scope = await largeScope(core, frame, node.reads);
  return { spec: node.type.toCommand(parseParams(node, resolved.live) as never, scope), redact: resolved.made };
}
