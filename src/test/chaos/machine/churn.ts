/** Workers that come and go: one of them is killed every few seconds and started again, as a fleet of cheap machines does. A backlog must drain nearly as fast as
 *  undisturbed, with every job ended well. Says how much longer it took; judges only what was lost. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { itemsOf } from '../../api-client.ts';
import { startWorkerRig, type WorkerRig } from '../../worker-rig.ts';
import { pause } from '../hands.ts';

export interface ChurnReport {
  readonly jobs: number;
  readonly workers: number;
  readonly kills: number;
  /** Kills of a worker, of all workers, in a minute, %. */
  readonly killedPerMinute: number;
  readonly undisturbedMs: number;
  readonly disturbedMs: number;
  readonly ratio: number;
  /** Jobs that began more than once. */
  readonly repeated: number;
  readonly faults: readonly string[];
}

const WORKERS = ['one', 'two', 'three', 'four'];
const LIMIT_MS = 600_000;

/** @param options.jobs in each of the two backlogs  @param options.everyMs between two kills */
export async function runChurn({
  jobs,
  everyMs,
  onLine,
}: {
  readonly jobs: number;
  readonly everyMs: number;
  readonly onLine: (line: string) => void;
}): Promise<ChurnReport> {
  const rig = await startWorkerRig(WORKERS);
  const faults: string[] = [];
  try {
    const calm = await drain(rig, { jobs, name: 'calm' });
    onLine(`undisturbed: ${jobs} jobs in ${calm.ms} ms`);
    const over = new AbortController();
    const killing = killInTurn(rig, { everyMs, signal: over.signal, onLine });
    const wild = await drain(rig, { jobs, name: 'wild' }).finally(() => over.abort());
    const kills = await killing;
    for (const { name, lost } of [calm, wild]) for (const job of lost) faults.push(`churn: ${name} ${job}`);
    onLine(`${kills} kills: ${jobs} jobs in ${wild.ms} ms`);
    return {
      ...{ jobs, workers: WORKERS.length, kills },
      killedPerMinute: Math.round((kills / WORKERS.length / (wild.ms / 60_000)) * 100),
      undisturbedMs: calm.ms,
      disturbedMs: wild.ms,
      ratio: Math.round((wild.ms / calm.ms) * 100) / 100,
      repeated: calm.repeated + wild.repeated,
      faults,
    };
  } finally {
    await rig.close();
  }
}

interface Drained {
  readonly name: string;
  readonly ms: number;
  readonly repeated: number;
  /** What became of jobs that did not end well. */
  readonly lost: readonly string[];
}

/** From the first submit until all have ended. */
async function drain(rig: WorkerRig, { jobs, name }: { readonly jobs: number; readonly name: string }): Promise<Drained> {
  const began = join(rig.folder, name);
  writeFileSync(began, '');
  // Jobs run as users of their own.
  chmodSync(began, 0o666);
  const startedMs = performance.now();
  const ids: string[] = [];
  for (let n = 0; n < jobs; n++) ids.push(await rig.submit({ script: `echo ${n} >> ${began}; sleep 1`, labels: { churn: name } }));
  for (;;) {
    const open = itemsOf(await rig.client.expect(200, 'GET', `/api/v1/jobs?status=queued,running&label=churn:${name}&limit=1`)).length;
    if (open === 0) break;
    if (performance.now() - startedMs > LIMIT_MS) return { name, ms: LIMIT_MS, repeated: 0, lost: [`did not end within ${LIMIT_MS} ms`] };
    await pause(100);
  }
  const ms = Math.round(performance.now() - startedMs);
  const lost: string[] = [];
  for (const id of ids) {
    // Serial: few.
    const { status } = await rig.client.expect(200, 'GET', `/api/v1/jobs/${id}`);
    if (status !== 'completed') lost.push(`${id} is ${String(status)}`);
  }
  const lines = readFileSync(began, 'utf8').split('\n').filter(Boolean);
  const missing = jobs - new Set(lines).size;
  if (missing > 0) lost.push(`${missing} jobs never began`);
  return { name, ms, repeated: lines.length - new Set(lines).size, lost };
}

/** @returns how many */
async function killInTurn(
  { workers }: WorkerRig,
  { everyMs, signal, onLine }: { readonly everyMs: number; readonly signal: AbortSignal; readonly onLine: (line: string) => void },
): Promise<number> {
  let kills = 0;
  for (;;) {
    await pause(everyMs);
    const worker = workers[kills % workers.length];
    if (signal.aborted || worker === undefined) return kills;
    await worker.kill();
    const { readyMs } = await worker.start();
    kills++;
    onLine(`worker ${WORKERS[(kills - 1) % WORKERS.length]} was killed and is back after ${Math.round(readyMs)} ms`);
  }
}
