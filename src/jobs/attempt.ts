/** One attempt of one job, from claim to record. The process is never tied to this one: at every await Studio may die, and the next Studio takes
 *  the same way from `resumeAttempt`: it finds the process, or the exit record, or neither.
 *  One thing to know: the record is committed only after every process of the job is proved gone, and the slot is freed only after the record. */
import { readFile, rm } from 'node:fs/promises';
import { deferred } from '../kernel/deferred.ts';
import { messageOf } from '../kernel/fail.ts';
import { NodeError } from '../nodes/kit.ts';
import { recordProcess, type ClaimedJob } from '../store/job-claims.ts';
import { countEnd, withRetry } from './again.ts';
import { attend, follow } from './attend.ts';
import { clearJobFolder, type JobFolder } from './job-folder.ts';
import { isAlone } from './job-processes.ts';
import { openLogPump, type LogPump } from './log-pump.ts';
import { watchShim, type JobProcess } from './nursery.ts';
import { failedEnd, judge, NOT_STARTED, type Verdict } from './outcome.ts';
import { writeWhole } from '../kernel/whole-file.ts';
import type { RunParts, StopOrder } from './parts.ts';
import { commandOf, openFolder, prepareAttempt, type Command, type Prepared } from './prepare.ts';
import { keepTrying, record } from './record.ts';
import { armTimeout, createRunning, type Running } from './running.ts';
import { findShim, startShim } from './shim-process.ts';

export interface Attempt {
  readonly claimed: ClaimedJob;
  /** Settles when the end is recorded, or is not to be. Never rejects. */
  readonly done: Promise<void>;
  /** Settles when its folder is empty too: another attempt of the job may begin. Never rejects. */
  readonly cleared: Promise<void>;
  stop(order: StopOrder): void;
  /** A line for the job's log, from Studio. */
  note(line: string): void;
  /** Stops looking after it: the process goes on without us. */
  abandon(): void;
}

/** Runs a job that was just claimed. */
export function startAttempt(claimed: ClaimedJob, parts: RunParts): Attempt {
  return control(createRunning(claimed, parts, 0), runFresh);
}

/** Goes on with a job that an earlier Studio of this workspace had in hand. */
export function resumeAttempt(claimed: ClaimedJob, parts: RunParts): Attempt {
  return control(createRunning(claimed, parts, Math.max(0, parts.clock.now() - claimed.startedAtMs)), runFound);
}

function control(running: Running, run: (running: Running) => Promise<Verdict>): Attempt {
  const { claimed, parts } = running;
  const stop = (order: StopOrder): void => {
    // The first order stands, but a lost job overrides all: nothing may be written for it.
    if (running.order === undefined || order.kind === 'lost') running.order = order;
    running.stopped.resolve(running.order);
    running.halted.abort(new Error('the job is to end'));
  };
  if (claimed.cancelRequested) stop({ kind: 'cancel', reason: claimed.cancelReason ?? 'cancelled' });
  const recorded = deferred<void>();
  const cleared = toEnd(running, run, recorded.resolve)
    .catch((error: unknown) => {
      if (!running.abandoned.signal.aborted) parts.log.error({ jobId: claimed.job.id, cause: messageOf(error) }, 'a job attempt failed to come to its record');
    })
    .finally(recorded.resolve);
  const abandon = (): void => {
    running.abandoned.abort(new Error('Studio stops'));
    running.halted.abort(running.abandoned.signal.reason);
  };
  const note = (line: string): void => {
    running.pump
      ?.note(line)
      .catch((error: unknown) => parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'a line for the log of a job was lost'));
  };
  return { claimed, done: recorded.promise, cleared, stop, note, abandon };
}

async function toEnd(running: Running, run: (running: Running) => Promise<Verdict>, onRecorded: () => void): Promise<void> {
  const { claimed, parts, folder } = running;
  try {
    const final = await runToRecord(running, run).finally(() => {
      parts.environments.letGo(claimed.job.id);
      parts.sizes.forget(claimed.job.id);
      parts.onLog(claimed.job.id);
    });
    onRecorded();
    // The record stands whatever becomes of the folder; the next attempt and the weekly cleaning try again.
    await clearAfter(final, folder).catch((error: unknown) =>
      parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'the folder of an ended job could not be emptied'),
    );
  } finally {
    // Only now: who runs under it next could read what lay in the folder.
    if (running.uid !== undefined && !running.abandoned.signal.aborted) parts.uids?.[running.isProvedGone ? 'keep' : 'release'](running.uid);
  }
}

async function runToRecord(running: Running, run: (running: Running) => Promise<Verdict>): Promise<Verdict> {
  const { claimed, parts } = running;
  const verdict = await run(running).catch((error: unknown): Verdict => {
    running.abandoned.signal.throwIfAborted();
    if (!(error instanceof NodeError)) parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'a job could not be run');
    return failedEnd(error, { endedAtMs: parts.clock.now(), redact: running.redact });
  });
  const final = withRetry(claimed, verdict, parts);
  if (final !== verdict && verdict.kind === 'end') await Promise.all((verdict.artifacts ?? []).map(({ staged }) => parts.files.content.discard(staged)));
  await record({ claimed, verdict: final, parts, signal: running.abandoned.signal });
  countEnd(claimed, final, parts);
  return final;
}

/** What a job keeps for its next attempt goes when there is to be none. */
async function clearAfter(verdict: Verdict, folder: JobFolder): Promise<void> {
  await clearJobFolder(folder);
  if (verdict.kind === 'end' && (verdict.end.status === 'completed' || verdict.end.status === 'cancelled'))
    await rm(folder.checkpoint, { recursive: true, force: true });
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
    const { argv, work, env, spec } = prepared;
    process = await startShim({ folder, argv, work, env: env.env, uid: running.uid, hasStdin: spec.stdin !== undefined, nursery: parts.nursery });
  } catch (error) {
    await pump.note(messageOf(error));
    throw error;
  }
  const isOurs = await keepTrying(whileAway, () =>
    recordProcess(parts.database.engine, { id: claimed.job.id, workerId: claimed.workerId, attempt: claimed.attempt }, process.shim),
  );
  if (isPlain(prepared)) parts.pulseOf(claimed.job.queue).began(parts.clock.now() - claimed.startedAtMs, parts.clock.now());
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
  const following = isPlain(command) ? undefined : follow(running, pump, over.signal);
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
    if (following !== undefined) await pump.pump();
  }
}

/** Files and environments take their time on any machine, and say so in the log. */
function isPlain({ spec }: Command): boolean {
  return spec.files === undefined && spec.requirements === undefined;
}

function openPump(running: Running, command: Command): Promise<LogPump> {
  const { claimed, parts, folder } = running;
  return openLogPump({
    folder,
    redact: command.redact,
    maxBytes: parts.limits.logBytes,
    now: () => parts.clock.now(),
    onWrite: () => parts.onLog(claimed.job.id),
    async onMarker(marker) {
      if (marker.kind === 'told') running.told.add(marker.progress);
      // Written at once: a Studio that comes after this one does not read these lines again.
      else await writeWhole(folder.printedResult, marker.text);
    },
  });
}

/** The process of an earlier Studio: alive, ended with a record, or vanished. */
async function runFound(running: Running): Promise<Verdict> {
  const { claimed, parts, folder } = running;
  const run = await readRun(folder);
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

async function readRun(folder: JobFolder): Promise<{ uid: number | undefined; attempt: number } | undefined> {
  try {
    const { uid, attempt } = JSON.parse(await readFile(folder.run, 'utf8')) as { uid: number | null; attempt: number };
    return { uid: uid ?? undefined, attempt };
  } catch {
    return undefined; // The claim was made, the folder not: nothing was started.
  }
}
