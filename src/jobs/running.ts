/** An attempt in hand: what its parts share while it goes its way. */
import { deferred } from '../kernel/deferred.ts';
import { oomKills } from '../kernel/oom.ts';
import type { ClaimedJob } from '../store/job-claims.ts';
import { jobFolder, type JobFolder } from './job-folder.ts';
import type { LogPump } from './log-pump.ts';
import type { RunParts, StopOrder } from './parts.ts';
import { createTold, type Told } from './told.ts';

export interface Running {
  readonly claimed: ClaimedJob;
  readonly parts: RunParts;
  /** Of the attempt, on the monotonic clock: the time of day may be set meanwhile. */
  readonly beganMs: number;
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

/** @param spentMs how long it had run before it came into this process's hands */
export function createRunning(claimed: ClaimedJob, parts: RunParts, spentMs: number): Running {
  return {
    claimed,
    parts,
    beganMs: parts.clock.monotonic() - spentMs,
    folder: jobFolder(parts.workspacePath, claimed.job.id),
    stopped: deferred<StopOrder>(),
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
}

/** The job's own time, from its claim. @returns ends the wait */
export function armTimeout(running: Running): () => void {
  const { claimed, parts } = running;
  const limitMs = claimed.timeoutMs - (parts.clock.monotonic() - running.beganMs);
  return parts.clock.after(Math.max(0, limitMs), () => {
    running.order ??= { kind: 'timeout', limitMs: claimed.timeoutMs };
    running.stopped.resolve(running.order);
    running.halted.abort(new Error('the job ran longer than its limit'));
  });
}
