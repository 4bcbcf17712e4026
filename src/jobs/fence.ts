/** The end of a job's processes, proved: what even KILL does not end keeps the job's slot, user and memory, and the job says so, until it is gone.
 *  Nothing else may run in its place before: two jobs would share what one was promised. */
import type { WaitReason } from '../contract/instances.ts';
import { messageOf } from '../kernel/fail.ts';
import { recordJobWait } from '../store/job-progress.ts';
import type { ClaimedJob } from '../store/job-claims.ts';
import { endJobProcesses, type JobProcesses } from './job-processes.ts';
import type { RunParts } from './parts.ts';

type Survivors = Awaited<ReturnType<typeof endJobProcesses>>['survivors'];

export interface EndOptions {
  /** Between TERM and KILL; 0: KILL at once. */
  readonly graceMs: number;
  readonly parts: Pick<RunParts, 'clock' | 'log' | 'database'>;
  /** Studio stops: the next one goes on. */
  readonly signal: AbortSignal;
  /** Default: the real one. */
  readonly end?: typeof endJobProcesses;
}

const LOOK_MS = 1_000;

/** Ends every process of the job and resolves when none is left. @returns how many it had to end  @throws the signal's reason */
export async function endWithProof(target: JobProcesses, claimed: ClaimedJob, options: EndOptions): Promise<number> {
  const { parts, signal, end = endJobProcesses } = options;
  const first = await end(target, { graceMs: options.graceMs, clock: parts.clock });
  let survivors = first.survivors;
  for (let isTold = false; survivors.length > 0; isTold = true) {
    if (!isTold) await tell(claimed, survivors, parts);
    await parts.clock.sleep(LOOK_MS, signal);
    // What is left is counted once.
    ({ survivors } = await end(target, { graceMs: 0, clock: parts.clock }));
  }
  return first.ended;
}

async function tell(claimed: ClaimedJob, survivors: Survivors, parts: EndOptions['parts']): Promise<void> {
  const named = survivors.slice(0, 3).map(({ pid, name }) => `${pid} (${name})`);
  const message = `fenced: ${survivors.length === 1 ? 'process' : `${survivors.length} processes,`} ${named.join(', ')} of the job outlived KILL, because the kernel holds it (a device or a disk does not answer); the slot and its memory stay taken until it is gone`;
  const wait: WaitReason = { kind: 'fenced', message };
  parts.log.error({ jobId: claimed.job.id, processes: named }, 'a process of a job does not die; the kernel holds it, and its slot stays taken');
  try {
    await parts.database.engine.transaction((sql) => recordJobWait(sql, { id: claimed.job.id, workerId: claimed.workerId, attempt: claimed.attempt }, wait));
    parts.database.announce();
  } catch (error) {
    parts.log.warn({ jobId: claimed.job.id, cause: messageOf(error) }, 'it could not be written down that a job is fenced');
  }
}
