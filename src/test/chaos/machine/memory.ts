/** Too little memory for what a job asks: the kernel's own killer, in a group of control of its own. It must choose the job, say so in its failure, and leave everything
 *  else as it was. Owns its group: nothing is left of it. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asObject, type ApiClient } from '../../api-client.ts';
import { claimStudio, createStudio } from '../../studio-process.ts';
import { pause } from '../hands.ts';

export interface MemoryReport {
  readonly times: number;
  readonly faults: readonly string[];
  /** What the kernel killed, by its own count. */
  readonly kills: number;
  /** From a job's end to the end of the next on its slot, ms. */
  readonly nextMsMax: number;
}

const ROOT = '/sys/fs/cgroup/memory';
const LIMIT_BYTES = 900 * 2 ** 20;
/** In steps, and touched: memory that is only asked for costs nothing. */
const GREEDY = `python3 -c 'x=[bytearray(b"1"*(64<<20)) for _ in range(64)]'`;
const END_MS = 120_000;

/** Why the memory can't be limited here; undefined when it can. */
export function noMemoryGroup(): string | undefined {
  return process.getuid?.() === 0 && existsSync(join(ROOT, 'memory.limit_in_bytes'))
    ? undefined
    : 'needs root and a memory controller at /sys/fs/cgroup/memory';
}

export async function runOutOfMemory({ times, onLine }: { readonly times: number; readonly onLine: (line: string) => void }): Promise<MemoryReport> {
  const group = join(ROOT, `studio-test-${process.pid}`);
  mkdirSync(group);
  writeFileSync(join(group, 'memory.limit_in_bytes'), String(LIMIT_BYTES));
  const studio = await createStudio({ prefix: ['/bin/sh', '-c', `echo $$ > ${group}/cgroup.procs && exec "$@"`, 'sh'] });
  const faults: string[] = [];
  let nextMsMax = 0;
  try {
    await studio.start();
    const client = await claimStudio(studio);
    const [pid, services] = [studio.pid(), await pidsOfServices(client)];
    for (let time = 1; time <= times; time++) {
      const before = faults.length;
      const fault = (text: string): void => void faults.push(`memory ${time}: ${text}`);
      const greedy = await runJob(client, GREEDY);
      const endedMs = performance.now();
      const failure = JSON.stringify(greedy['error'] ?? null);
      if (greedy['status'] !== 'failed' || !/memory/i.test(failure)) fault(`the job is ${String(greedy['status'])}: ${failure}`);
      const next = await runJob(client, 'echo next');
      nextMsMax = Math.max(nextMsMax, Math.round(performance.now() - endedMs));
      if (next['status'] !== 'completed') fault(`the next job is ${String(next['status'])}`);
      if (studio.pid() !== pid) fault('Studio was killed');
      if ((await pidsOfServices(client)) !== services) fault('a service of Studio was killed');
      onLine(`memory ${time} of ${times}: ${failure.slice(0, 160)}; ${faults.length - before} faults`);
    }
    return { times, faults, kills: killsOf(group), nextMsMax };
  } finally {
    await studio.destroy();
    await removeGroup(group);
  }
}

async function runJob(client: ApiClient, script: string): Promise<Record<string, unknown>> {
  const id = String(asObject((await client.expect(201, 'POST', '/api/v1/jobs', { script }))['job'])['id']);
  for (const deadline = performance.now() + END_MS; ; await pause(100)) {
    const job = await client.expect(200, 'GET', `/api/v1/jobs/${id}`);
    if (['completed', 'failed', 'cancelled', 'dead'].includes(String(job['status'])) || performance.now() > deadline) return job;
  }
}

async function pidsOfServices(client: ApiClient): Promise<string> {
  const { items } = await client.expect(200, 'GET', '/api/v1/services');
  return JSON.stringify((Array.isArray(items) ? items.map(asObject) : []).map(({ name, pid }) => [name, pid]));
}

function killsOf(group: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(group, 'memory.oom_control'), 'latin1'))?.[1] ?? 0);
}

/** Empty once its processes are reaped. */
async function removeGroup(group: string): Promise<void> {
  for (let turn = 0; turn < 100; turn++, await pause(100)) {
    try {
      return rmdirSync(group);
    } catch {
      // Somebody of it still ends.
    }
  }
  throw new Error(`${group} could not be removed: ${readFileSync(join(group, 'cgroup.procs'), 'latin1').replaceAll('\n', ' ')} are in it`);
}
