/** The time of an attempt in which its process runs: log and progress are carried over, orders heard, the end proved. */
import { readFile } from 'node:fs/promises';
import { messageOf } from '../kernel/fail.ts';
import { endWithProof } from './fence.ts';
import type { JobProcesses } from './job-processes.ts';
import type { LogPump } from './log-pump.ts';
import type { JobProcess } from './nursery.ts';
import { judge, type Verdict } from './outcome.ts';
import { writeWhole } from '../kernel/whole-file.ts';
import { oomKills } from '../kernel/oom.ts';
import type { StopOrder } from './parts.ts';
import type { Command } from './prepare.ts';
import { readProgress } from './progress.ts';
import { keepTrying } from './record.ts';
import { armTimeout, type Running } from './running.ts';
import { readExitRecord } from './shim-process.ts';

const TICK_MS = 100;
const PROGRESS_MS = 1_000;

/** Stands by the process until it is gone, ends what is left of it, and judges. */
export async function attend(running: Running, process: JobProcess | undefined, pump: LogPump | undefined, command: Command | undefined): Promise<Verdict> {
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
export async function follow(running: Running, pump: LogPump | undefined, signal: AbortSignal): Promise<void> {
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
