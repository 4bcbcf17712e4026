/** How an attempt is judged, from what was ordered and what the process left. Writes nothing but notes to the job's log. */
import type { Failure } from '../contract/instances.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { NodeError, type JobEnded } from '../nodes/kit.ts';
import type { ClaimedJob } from '../store/job-claims.ts';
import type { JobEnd } from '../store/job-ends.ts';
import { readOutput, stageArtifacts, type Output, type StagedArtifact } from './collect.ts';
import { hasBegun, type JobFolder } from './job-folder.ts';
import { maskText } from './masker.ts';
import { MAX_ORPHANED, type RunParts, type StopOrder } from './parts.ts';
import type { Command } from './prepare.ts';
import { signatureOf, type JobPeak } from './sizes.ts';
import { signalOf, type ExitRecord } from './shim.ts';

export type Verdict =
  | {
      readonly kind: 'end';
      readonly end: Omit<JobEnd, 'result'>;
      readonly output?: Omit<JobEnded, 'artifacts'>;
      readonly artifacts?: readonly StagedArtifact[];
      /** Of what ran; undefined: nothing did. */
      readonly signature?: string;
      readonly isFinal?: boolean;
    }
  | {
      readonly kind: 'requeue';
      readonly orphaned: boolean;
      readonly preempted?: boolean;
      readonly reason: string;
      readonly notBeforeMs?: number;
      readonly error?: Failure | undefined;
    }
  /** The job is someone else's by now. */
  | { readonly kind: 'nothing' };

export interface Ended {
  readonly folder: JobFolder;
  readonly uid: number | undefined;
  /** Undefined: it can't be known any more what to mask, so nothing the job wrote is shown. */
  readonly command: Command | undefined;
  /** Since the attempt began; undefined where the kernel does not count. */
  readonly oomKills: number | undefined;
  readonly note: (line: string) => Promise<void>;
}

export interface Case {
  readonly claimed: ClaimedJob;
  readonly order: StopOrder | undefined;
  readonly exit: (ExitRecord & { readonly endedAtMs: number }) | undefined;
  /** Undefined: nothing was started. */
  readonly ended: Ended | undefined;
  readonly parts: RunParts;
}

export async function judge(subject: Case): Promise<Verdict> {
  const { claimed, order, exit, ended, parts } = subject;
  const endedAtMs = parts.clock.now();
  if (order?.kind === 'lost') return { kind: 'nothing' };
  if (order?.kind === 'cancel') return { kind: 'end', end: { status: 'cancelled', reason: order.reason, endedAtMs, ...exitOf(exit) } };
  if (order?.kind === 'timeout' || (order === undefined && wasLate(claimed, exit))) {
    const message = `The job ran longer than its limit of ${claimed.timeoutMs} ms and was ended.`;
    const error: Failure = { code: 'timeout', message, remedy: 'Raise timeoutMs, or make the job shorter.' };
    return { kind: 'end', end: { status: 'failed', reason: 'timeout', error, endedAtMs, ...exitOf(exit) } };
  }
  if (order?.kind === 'outgrown') return judgeOutgrown(subject, order, endedAtMs);
  // Success in that moment counts.
  if (order?.kind === 'evicted' && exit?.code !== 0) return judgeEvicted(claimed, order, endedAtMs);
  // Ended by our TERM, it failed only because Studio stops; what came to success in that moment counts.
  if (order?.kind === 'requeue' && exit?.code !== 0) return { kind: 'requeue', orphaned: false, reason: 'Studio was stopped' };
  if (exit !== undefined && ended !== undefined) return judgeExit({ ...subject, exit, ended });
  if (ended !== undefined && !(await hasBegun(ended.folder.root))) return NOT_STARTED;
  return judgeOrphan(claimed, endedAtMs);
}

function judgeOutgrown({ exit, ended, claimed }: Case, order: StopOrder & { readonly kind: 'outgrown' }, endedAtMs: number): Verdict {
  const code = order.of === 'vram' ? 'vram_exceeded' : 'memory_exceeded';
  const remedy = `Ask for more ${order.of === 'vram' ? 'vramBytes' : 'memoryBytes'}, or make the job use less.`;
  const error: Failure = { code, message: `The job was ended: ${order.message}.`, remedy };
  return { kind: 'end', end: { status: 'failed', reason: code, error, endedAtMs, ...exitOf(exit) }, ...signatureIn(ended, claimed) };
}

/** By what its size is remembered. */
function signatureIn(ended: Ended | undefined, claimed: ClaimedJob): { readonly signature?: string } {
  return ended?.command === undefined ? {} : { signature: signatureOf(ended.command.spec, claimed.job.labels) };
}

/** For something more important: as often as need be. A lost device may have been the job's own doing: so it is tried again a few times only. */
function judgeEvicted(claimed: ClaimedJob, order: StopOrder & { readonly kind: 'evicted' }, endedAtMs: number): Verdict {
  if (order.by === 'needed') return { kind: 'requeue', orphaned: false, preempted: true, reason: `preempted: ${order.message}` };
  const error: Failure = { code: 'device_lost', message: order.message, remedy: 'Look at the GPU page; retry the job when a device is there again.' };
  if (claimed.orphanedAttempts < MAX_ORPHANED) return { kind: 'requeue', orphaned: true, reason: 'device_lost', error };
  return { kind: 'end', end: { status: 'dead', reason: 'device_lost', error, endedAtMs } };
}

/** Ended by a signal after its time: the Studio that ordered it was killed before it could record why. */
function wasLate(claimed: ClaimedJob, exit: Case['exit']): boolean {
  return exit !== undefined && signalOf(exit.code) !== undefined && exit.endedAtMs - claimed.startedAtMs >= claimed.timeoutMs;
}

/** Killed between claim and start: the job goes back in line, and it does not count against it. */
export const NOT_STARTED: Verdict = { kind: 'requeue', orphaned: false, reason: 'Studio was killed before it started' };

function judgeOrphan(claimed: ClaimedJob, endedAtMs: number): Verdict {
  const error: Failure = {
    code: 'orphaned',
    message: `The process of attempt ${claimed.attempt} is gone and left no exit record.`,
    remedy: 'The machine was restarted, or something outside ended it. Look at its log, then retry the job.',
  };
  if (claimed.orphanedAttempts < MAX_ORPHANED) return { kind: 'requeue', orphaned: true, reason: 'orphaned', error };
  const message = `The process vanished ${claimed.orphanedAttempts + 1} times without an exit record; it is not tried again by itself.`;
  return { kind: 'end', end: { status: 'dead', reason: 'orphaned', error: { ...error, message }, endedAtMs } };
}

async function judgeExit(subject: Case & { readonly exit: NonNullable<Case['exit']>; readonly ended: Ended }): Promise<Verdict> {
  const { exit, ended, parts } = subject;
  const isSuccess = exit.code === 0;
  const staged = await stageArtifacts(ended.folder, { files: parts.files, uid: ended.uid });
  for (const line of staged.refused) await ended.note(line);
  const peak = parts.sizes.peakOf(subject.claimed.job.id);
  const facts = { ...exitOf(exit), endedAtMs: exit.endedAtMs, metrics: { cpuMs: exit.cpuMs, ...peakMetrics(peak) } };
  let output: Output;
  try {
    output = await outputOf(ended, isSuccess);
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    return { kind: 'end', end: { status: 'failed', reason: error.code, error: failureOf(error), ...facts }, artifacts: staged.artifacts, isFinal: true };
  }
  const end: Omit<JobEnd, 'result'> = isSuccess ? { status: 'completed', ...facts } : { status: 'failed', ...failedExit(exit.code, output, ended), ...facts };
  return { kind: 'end', end, output: { exitCode: exit.code, ...output }, artifacts: staged.artifacts, ...signatureIn(ended, subject.claimed) };
}

/** Beside what the job itself tells. */
function peakMetrics({ vramBytes, memoryBytes }: JobPeak): Readonly<Record<string, number>> {
  return { ...(memoryBytes === 0 ? {} : { peakMemoryBytes: memoryBytes }), ...(vramBytes === 0 ? {} : { peakVramBytes: vramBytes }) };
}

function outputOf(ended: Ended, isSuccess: boolean): Promise<Output> | Output {
  if (ended.command === undefined) return { stdout: '', stderr: '', result: undefined };
  return readOutput(ended.folder, { redact: ended.command.redact, uid: ended.uid, parse: ended.command.spec.parse ?? 'none', isSuccess });
}

function failedExit(code: number, output: Output, ended: Ended): { readonly reason: string; readonly error: Failure } {
  const signal = signalOf(code);
  const lastLine = output.stderr.trimEnd().split('\n').at(-1)?.slice(0, 500) ?? '';
  const last = lastLine === '' ? '' : ` Last line: ${lastLine}`;
  const isGpuOom = GPU_OOM.test(output.stderr) || GPU_OOM.test(output.stdout);
  if (isGpuOom) {
    const message = `The job ran out of memory of its device (exit code ${code}).${last}`;
    return { reason: 'oom', error: { code: 'oom', message, remedy: 'Ask for more vramBytes or a whole GPU, or make the job use less.' } };
  }
  if (signal === 'SIGKILL') {
    // Where the kernel does not count, a KILL that Studio did not send is taken for want of memory: nothing else sends one.
    const isOom = ended.oomKills === undefined || ended.oomKills > 0;
    const message = isOom
      ? `The kernel ended the job because memory ran out (exit code ${code}).${last}`
      : `The job was ended by SIGKILL, not by Studio; a memory limit of the container does that.${last}`;
    const reason = isOom ? 'oom' : 'killed';
    return { reason, error: { code: reason, message, remedy: 'Give the machine more memory, ask for memoryBytes, or make the job use less.' } };
  }
  const how = signal === undefined ? `exited with code ${code}` : `was ended by ${signal} (code ${code})`;
  return {
    reason: signal === undefined ? 'exit_code' : 'signal',
    error: { code: signal === undefined ? 'exit_code' : 'signal', message: `The command ${how}.${last}`, remedy: 'Its log says more.' },
  };
}

function exitOf(exit: ExitRecord | undefined): { exitCode?: number; signal?: string } {
  if (exit === undefined) return {};
  const signal = signalOf(exit.code);
  return { exitCode: exit.code, ...(signal === undefined ? {} : { signal }) };
}

/** An attempt that never came to a process. */
export function failedEnd(error: unknown, told: { readonly endedAtMs: number; readonly redact: readonly string[] }): Verdict {
  const isFinal = error instanceof NodeError && error.final;
  const failure = failureOf(error, told.redact);
  return { kind: 'end', end: { status: 'failed', reason: failure.code, error: failure, endedAtMs: told.endedAtMs }, isFinal };
}

function failureOf(error: unknown, redact: readonly string[] = []): Failure {
  const code = error instanceof NodeError || error instanceof AppError ? error.code : 'not_started';
  // NUL can't be stored in PostgreSQL.
  return { code, message: maskText(messageOf(error), redact).replaceAll('\u0000', '').slice(0, 4_000) };
}

/** What frameworks say when a device has no memory left. */
const GPU_OOM =
  /CUDA out of memory|CUDA error: out of memory|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|HIP out of memory|hipErrorOutOfMemory|OutOfMemoryError: (CUDA|HIP)|RESOURCE_EXHAUSTED: Out of memory|ggml_\w*: failed to allocate .* buffer/i;
