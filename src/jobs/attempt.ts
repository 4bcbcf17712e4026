/** One attempt of one job, from claim to record. The process is never tied to this one: at every await Studio may die, and the next Studio takes
 *  the same way from `resumeAttempt`: it finds the process, or the exit record, or neither.
 *  One thing to know: the record is committed only after every process of the job is proved gone, and the slot is freed only after the record. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { backoffDelayMs } from '../kernel/retry.ts';
import { messageOf } from '../kernel/fail.ts';
import { deferred } from '../kernel/deferred.ts';
import { NodeError } from '../nodes/kit.ts';
import { retryPolicy } from '../contract/graph.ts';
import { recordProcess, type ClaimedJob } from '../store/job-claims.ts';
import { endWithProof } from './fence.ts';
import { isAlone, type JobProcesses } from './job-processes.ts';
import { clearJobFolder, jobFolder, type JobFolder } from './job-folder.ts';
import { openLogPump, type LogPump } from './log-pump.ts';
import { failedEnd, judge, NOT_STARTED, oomKills, type Verdict } from './outcome.ts';
import { writeWhole } from './own.ts';
import type { RunParts, StopOrder } from './parts.ts';
import { commandOf, openFolder, prepareAttempt, type Command, type Prepared } from './prepare.ts';
import { readProgress } from './progress.ts';
import { keepTrying, record } from './record.ts';
import { findShim, readExitRecord, startShim, watchShim, type JobProcess } from './shim-process.ts';
import { createTold, type Told } from './told.ts';

export interface Attempt {
  readonly claimed: ClaimedJob;
  /** Settles when the end is recorded, or is not to be. Never rejects. */
  readonly done: Promise<void>;
  stop(order: StopOrder): void;
  /** A line for the job's log, from Studio. */
  note(line: string): void;
  /** Stops looking after it: the process goes on without us. */
  abandon(): void;
}

const TICK_MS = 100;
const PROGRESS_MS = 1_000;

interface Running {
  readonly claimed: ClaimedJob;
  readonly parts: RunParts;
  readonly folder: JobFolder;
  readonly stopped: ReturnType<typeof deferred<StopOrder>>;
  readonly abandoned: AbortController;
  /** Aborts with the first order, and when the attempt is abandoned: for what goes on before there is a process. */
  readonly halted: AbortController;
  readonly told: Told;
  order: StopOrder | undefined;
  pump: LogPump | undefined;
  uid: number | undefined;
  /** Nothing runs under its uid any more. */
  isProvedGone: boolean;
  oomBefore: number | undefined;
  /** Known once the command is: masked in whatever is told from then on. */
  redact: readonly string[];
}

/** Runs a job that was just claimed. */
export function startAttempt(claimed: ClaimedJob, parts: RunParts): Attempt {
  return control(claimed, parts, runFresh);
}

/** Goes on with a job that an earlier Studio of this workspace had in hand. */
export function resumeAttempt(claimed: ClaimedJob, parts: RunParts): Attempt {
  return control(claimed, parts, runFound);
}

function control(claimed: ClaimedJob, parts: RunParts, run: (running: Running) => Promise<Verdict>): Attempt {
  const stopped = deferred<StopOrder>();
  const running: Running = {
    claimed,
    parts,
    folder: jobFolder(parts.workspacePath, claimed.job.id),
    stopped,
    abandoned: new AbortController(),
    halted: new AbortController(),
    told: createTold(claimed, parts),
    order: undefined,
    pump: undefined,
    uid: undefined,
    isProvedGone: false,
    oomBefore: oomKills(),
    redact: [],
  };
  const stop = (order: StopOrder): void => {
    // The first order stands, but a lost job overrides all: nothing may be written for it.
    if (running.order === undefined || order.kind === 'lost') running.order = order;
    stopped.resolve(running.order);
    running.halted.abort(new Error('the job is to end'));
  };
  if (claimed.cancelRequested) stop({ kind: 'cancel', reason: claimed.cancelReason ?? 'cancelled' });
  const done = toEnd(running, run).catch((error: unknown) => {
    if (!running.abandoned.signal.aborted) parts.log.error({ jobId: claimed.job.id, cause: messageOf(error) }, 'a job attempt failed to come to its record');
  });
  const abandon = (): void => {
    running.abandoned.abort(new Error('Studio stops'));
    running.halted.abort(running.abandoned.signal.reason);
  };
  const note = (line: string): void => {
    running.pump
      ?.note(line)
      .catch((error: unknown) => parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'a line for the log of a job was lost'));
  };
  return { claimed, done, stop, note, abandon };
}

async function toEnd(running: Running, run: (running: Running) => Promise<Verdict>): Promise<void> {
  const { claimed, parts, folder } = running;
  try {
    const verdict = await run(running).catch((error: unknown): Verdict => {
      running.abandoned.signal.throwIfAborted();
      if (!(error instanceof NodeError)) parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'a job could not be run');
      return failedEnd(error, { endedAtMs: parts.clock.now(), redact: running.redact });
    });
    const final = withRetry(claimed, verdict, parts);
    if (final !== verdict && verdict.kind === 'end') await Promise.all((verdict.artifacts ?? []).map(({ staged }) => parts.files.content.discard(staged)));
    await record({ claimed, verdict: final, parts, signal: running.abandoned.signal });
    countEnd(claimed, final, parts);
    // The record stands whatever becomes of the folder; the next attempt and the weekly cleaning try again.
    await clearAfter(final, folder).catch((error: unknown) =>
      parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'the folder of an ended job could not be emptied'),
    );
  } finally {
    if (running.uid !== undefined && !running.abandoned.signal.aborted) parts.uids?.[running.isProvedGone ? 'keep' : 'release'](running.uid);
    parts.environments.letGo(claimed.job.id);
    parts.sizes.forget(claimed.job.id);
    parts.onLog(claimed.job.id);
  }
}

/** What was cancelled or put back for others' sake says nothing of how attempts go. */
function countEnd(claimed: ClaimedJob, verdict: Verdict, parts: RunParts): void {
  const isFailure = verdict.kind === 'requeue' ? verdict.error !== undefined : verdict.kind === 'end' && verdict.end.status !== 'completed';
  const isCounted = verdict.kind === 'end' ? verdict.end.status !== 'cancelled' : isFailure;
  if (isCounted) parts.pulseOf(claimed.job.queue).ended(isFailure, parts.clock.now());
}

/** What a job keeps for its next attempt goes when there is to be none. */
async function clearAfter(verdict: Verdict, folder: JobFolder): Promise<void> {
  await clearJobFolder(folder);
  if (verdict.kind === 'end' && (verdict.end.status === 'completed' || verdict.end.status === 'cancelled'))
    await rm(folder.checkpoint, { recursive: true, force: true });
}

/** A direct job's own policy: a failure becomes another attempt while there are some left. */
function withRetry(claimed: ClaimedJob, verdict: Verdict, parts: RunParts): Verdict {
  if (verdict.kind !== 'end' || verdict.end.status !== 'failed' || claimed.step !== undefined || verdict.isFinal) return verdict;
  const policy = retryPolicy.parse(claimed.retry);
  const tried = claimed.attempt - claimed.orphanedAttempts - claimed.preemptions;
  const code = verdict.end.error?.code ?? '';
  if (tried >= policy.maxAttempts || (policy.on !== undefined && !policy.on.includes(code))) return verdict;
  const delayMs = backoffDelayMs({ baseMs: policy.backoffMs, factor: policy.factor, maxMs: policy.maxBackoffMs, jitter: policy.jitter }, tried, Math.random());
  return {
    kind: 'requeue',
    orphaned: false,
    notBeforeMs: parts.clock.now() + delayMs,
    reason: `attempt ${tried} of ${policy.maxAttempts} failed: ${verdict.end.reason ?? code}`,
    error: verdict.end.error,
  };
}

async function runFresh(running: Running): Promise<Verdict> {
  const { claimed, parts, folder } = running;
  const whileAway = { parts, jobId: claimed.job.id, signal: running.abandoned.signal };
  const command = await keepTrying(whileAway, () => commandOf(claimed, parts));
  running.redact = command.redact;
  if (running.order !== undefined) return judge({ claimed, order: running.order, exit: undefined, ended: undefined, parts });
  running.uid = await parts.uids?.take();
  await keepTrying(whileAway, () => openFolder({ claimed, command, folder, uid: running.uid, parts }));
  const pump = (running.pump = await openPump(running, command));
  if (claimed.attempt > 1) await pump.note(`attempt ${claimed.attempt}`);
  const prepared = await prepareWatched(running, command, pump);
  if (prepared === undefined) {
    await pump.finish();
    return judge({ claimed, order: running.order, exit: undefined, ended: undefined, parts });
  }
  if (prepared.env.dropped.length > 0) await pump.note(`these names of the environment were not taken: ${prepared.env.dropped.join(', ')}`);
  let process: JobProcess;
  try {
    process = await startShim({ folder, argv: prepared.argv, work: prepared.work, env: prepared.env.env, uid: running.uid, clock: parts.clock });
  } catch (error) {
    await pump.note(messageOf(error));
    throw error;
  }
  const isOurs = await keepTrying(whileAway, () =>
    recordProcess(parts.database.engine, { id: claimed.job.id, workerId: claimed.workerId, attempt: claimed.attempt }, process.shim),
  );
  // Files and environments take their time on any machine.
  if (prepared.spec.files === undefined && prepared.spec.requirements === undefined)
    parts.pulseOf(claimed.job.queue).began(parts.clock.now() - claimed.startedAtMs, parts.clock.now());
  const lease = parts.ledger.leaseOf(claimed.job.id);
  if (lease !== undefined)
    void parts.ledger
      .recordProcess(lease.id, process.shim)
      .catch((error: unknown) => parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'the process of a lease could not be noted'));
  if (!isOurs) running.stopped.resolve((running.order = { kind: 'lost' }));
  parts.onJobStarted({ id: claimed.job.id, workerId: claimed.workerId });
  return attend(running, process, pump, prepared);
}

/** Files and environment, with the log shown meanwhile. They count against the job's time. @returns undefined when an order came before all was there */
async function prepareWatched(running: Running, command: Command, pump: LogPump): Promise<Prepared | undefined> {
  const { claimed, parts, folder } = running;
  const signal = running.halted.signal;
  const whileAway = { parts, jobId: claimed.job.id, signal };
  const disarm = armTimeout(running);
  const over = new AbortController();
  const following = follow(running, pump, over.signal);
  try {
    return await keepTrying(whileAway, () => prepareAttempt({ claimed, command, folder, uid: running.uid, parts, note: pump.note, signal }));
  } catch (error) {
    running.abandoned.signal.throwIfAborted();
    if (running.order === undefined) {
      await pump.note(messageOf(error));
      throw error;
    }
    await pump.note('the job is ended before it began');
    return undefined;
  } finally {
    disarm();
    over.abort();
    await following;
    await pump.pump();
  }
}

function openPump(running: Running, command: Command): Promise<LogPump> {
  const { claimed, parts, folder } = running;
  return openLogPump({
    folder,
    redact: command.redact,
    maxBytes: parts.limits.logBytes,
    onWrite: () => parts.onLog(claimed.job.id),
    onMarker(marker) {
      if (marker.kind === 'told') running.told.add(marker.progress);
      // Written at once: a Studio that comes after this one does not read these lines again.
      else {
        writeFileSync(`${folder.printedResult}.new`, marker.text, { mode: 0o600 });
        renameSync(`${folder.printedResult}.new`, folder.printedResult);
      }
    },
  });
}

/** The process of an earlier Studio: alive, ended with a record, or vanished. */
async function runFound(running: Running): Promise<Verdict> {
  const { claimed, parts, folder } = running;
  const run = readRun(folder);
  // The folder is an earlier attempt's, or not there: this one never came to a process.
  if (run?.attempt !== claimed.attempt)
    return running.order === undefined ? NOT_STARTED : judge({ claimed, order: running.order, exit: undefined, ended: undefined, parts });
  if (run.uid !== undefined && (await parts.uids?.retake(run.uid))) {
    // Another Studio's job may have got it since: then this one is ended by its other marks only.
    if (isAlone(run.uid, claimed.job.id)) running.uid = run.uid;
    else parts.uids?.release(run.uid);
  }
  const recorded = claimed.pid === null || claimed.pidStarted === null ? undefined : { pid: claimed.pid, started: claimed.pidStarted };
  const shim = await findShim(folder, recorded);
  // Its command is needed again to mask its log and to read its result. Where it can't be had any more, the log is not carried over, and nothing is shown unmasked.
  const command = await keepTrying({ parts, jobId: claimed.job.id, signal: running.abandoned.signal }, () => commandOf(claimed, parts)).catch(
    (error: unknown) => {
      running.abandoned.signal.throwIfAborted();
      parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'the command of a found job can not be prepared again; its log ends here');
      return undefined;
    },
  );
  const pump = (running.pump = command === undefined ? undefined : await openPump(running, command));
  if (command?.spec.requirements !== undefined)
    await parts.environments
      .holdFound({ orgId: claimed.orgId, jobId: claimed.job.id, requirements: command.spec.requirements, python: command.spec.python })
      .catch(() => undefined); // Its interpreter is gone: the job itself will tell.
  if (shim !== undefined) {
    parts.log.info({ jobId: claimed.job.id, pid: shim.pid }, 'a running job was found again');
    parts.onJobStarted({ id: claimed.job.id, workerId: claimed.workerId });
  }
  return attend(running, shim === undefined ? undefined : watchShim(shim, parts.clock), pump, command);
}

function readRun(folder: JobFolder): { uid: number | undefined; attempt: number } | undefined {
  try {
    const { uid, attempt } = JSON.parse(readFileSync(folder.run, 'utf8')) as { uid: number | null; attempt: number };
    return { uid: uid ?? undefined, attempt };
  } catch {
    return undefined; // The claim was made, the folder not: nothing was started.
  }
}

/** Stands by the process until it is gone, ends what is left of it, and judges. */
async function attend(running: Running, process: JobProcess | undefined, pump: LogPump | undefined, command: Command | undefined): Promise<Verdict> {
  const { claimed, parts, folder } = running;
  const target: JobProcesses = { jobId: claimed.job.id, shim: process?.shim, uid: running.uid };
  if (process !== undefined) {
    const order = await waitForEnd(running, process, pump);
    if (order !== undefined) {
      await pump?.note(noteOf(order)).catch(() => undefined);
      await endWithProof(target, running.claimed, { graceMs: parts.limits.graceMs, parts, signal: running.abandoned.signal });
    }
  }
  const exit = await readExitRecord(folder);
  const left = await endWithProof(target, running.claimed, { graceMs: 0, parts, signal: running.abandoned.signal });
  running.isProvedGone = true;
  await pump?.finish();
  await lastTold(running);
  if (left > 0 && running.order === undefined)
    await pump?.note(`${left} ${left === 1 ? 'process' : 'processes'} that the job left behind ${left === 1 ? 'was' : 'were'} ended`);
  return judge({
    claimed,
    order: running.order,
    exit,
    ended: { folder, uid: running.uid, command, oomKills: oomSince(running), note: (line) => pump?.note(line) ?? Promise.resolve() },
    parts,
  });
}

function noteOf(order: StopOrder): string {
  if (order.kind === 'timeout') return `the job ran longer than its limit of ${order.limitMs} ms and is ended`;
  if (order.kind === 'evicted') return `the job is ended and put back in line: ${order.message}`;
  return order.kind === 'outgrown' ? `the job is ended: ${order.message}` : 'the job is ended';
}

function oomSince({ oomBefore }: Running): number | undefined {
  const now = oomKills();
  return now === undefined || oomBefore === undefined ? undefined : now - oomBefore;
}

/** What it told in its last second. */
async function lastTold(running: Running): Promise<void> {
  const { claimed, parts } = running;
  if (running.order?.kind === 'lost') return;
  await readTold(running).catch(() => undefined);
  await keepTrying({ parts, jobId: claimed.job.id, signal: running.abandoned.signal }, () => running.told.flush());
}

async function readTold(running: Running): Promise<void> {
  const { folder, told, uid } = running;
  const seen = Number(await readFile(folder.progressState, 'utf8').catch(() => '0'));
  const next = await readProgress(folder.progress, uid, seen);
  if (next === undefined) return;
  for (const progress of next.told) told.add(progress);
  await writeWhole(folder.progressState, String(next.bytes));
}

/** @returns ends the wait */
function armTimeout(running: Running): () => void {
  const { claimed, parts } = running;
  const limitMs = claimed.timeoutMs - Math.max(0, parts.clock.now() - claimed.startedAtMs);
  return parts.clock.after(Math.max(0, limitMs), () => {
    running.order ??= { kind: 'timeout', limitMs: claimed.timeoutMs };
    running.stopped.resolve(running.order);
    running.halted.abort(new Error('the job ran longer than its limit'));
  });
}

/** @returns the order that came before the process ended by itself */
async function waitForEnd(running: Running, process: JobProcess, pump: LogPump | undefined): Promise<StopOrder | undefined> {
  const disarm = armTimeout(running);
  const over = new AbortController();
  const abandoned = new Promise<never>((_, reject) =>
    running.abandoned.signal.addEventListener('abort', () => reject(running.abandoned.signal.reason), { once: true }),
  );
  const following = follow(running, pump, over.signal);
  try {
    return await Promise.race([process.gone.then(() => undefined), running.stopped.promise, abandoned]);
  } finally {
    disarm();
    over.abort();
    await following;
  }
}

/** Carries log and progress over while the process runs. */
async function follow(running: Running, pump: LogPump | undefined, signal: AbortSignal): Promise<void> {
  const { claimed, parts } = running;
  let lookAt = 0;
  while (!signal.aborted && !running.abandoned.signal.aborted) {
    try {
      await pump?.pump();
      if (parts.clock.monotonic() >= lookAt) {
        lookAt = parts.clock.monotonic() + PROGRESS_MS;
        await readTold(running);
        await running.told.flush();
      }
    } catch (error) {
      // A full disk or a lost database heals; what was written by then is carried over on the next round.
      parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'log or progress of a job could not be carried over; it is tried again');
    }
    await parts.clock.sleep(TICK_MS, signal).catch(() => undefined);
  }
}
