/** Looks at a running Studio from outside: what it and its children hold. Reads /proc, its folders and its metrics; changes nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asObject, type ApiClient } from '../../api-client.ts';
import { pause } from '../hands.ts';
import { processTree, type Studio } from '../../studio-process.ts';
import type { SoakSample } from './judge.ts';

const REAPED_MS = 5_000;

/** @throws Error when Studio does not answer */
export async function takeSample(studio: Studio, client: ApiClient, atMs: number): Promise<SoakSample> {
  const pid = studio.pid();
  const startedMs = performance.now();
  await client.expect(200, 'GET', '/health');
  const healthMs = Math.round(performance.now() - startedMs);
  const [metrics, database] = [await readMetrics(client), asObject(await client.expect(200, 'GET', '/api/v1/infrastructure/health/database'))];
  const children = processTree(pid).filter((one) => one !== pid);
  return {
    atMs,
    rssBytes: statusOf(pid, 'VmRSS'),
    heapBytes: metrics.get('studio_nodejs_heap_size_used_bytes') ?? 0,
    descriptors: namesIn(`/proc/${pid}/fd`).length,
    handles: metrics.get('studio_nodejs_active_handles_total') ?? 0,
    sockets: metrics.get('studio_sockets') ?? 0,
    processes: children.length,
    zombies: await countZombies(children),
    childrenBytes: children.reduce((sum, one) => sum + statusOf(one, 'RssAnon'), 0),
    tempFiles: countTemp(studio.workspace),
    databaseBytes: Number(asObject(database['facts'])['sizeBytes'] ?? 0),
    healthMs,
  };
}

/** Those that nobody reaps: between its end and its parent's word each process is one for a moment. */
async function countZombies(pids: readonly number[]): Promise<number> {
  const isZombie = (pid: number): boolean => readText(`/proc/${pid}/stat`).split(') ').at(-1)?.startsWith('Z') === true;
  const found = pids.filter(isZombie);
  if (found.length > 0) await pause(REAPED_MS);
  return found.filter(isZombie).length;
}

/** By name; those with labels are left out. */
async function readMetrics(client: ApiClient): Promise<ReadonlyMap<string, number>> {
  const { text } = await client.call('GET', '/metrics');
  return new Map(text.split('\n').flatMap((line) => (/^[a-z_]+ \S+$/.test(line) ? [[line.split(' ')[0] ?? '', Number(line.split(' ')[1])]] : [])));
}

/** Bytes of a line `Name: n kB`. */
function statusOf(pid: number, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readText(`/proc/${pid}/status`))?.[1] ?? 0) * 1_024;
}

/** Drafts of files, and what lies in folders for the moment. PostgreSQL's directory is its own. */
function countTemp(workspace: string): number {
  return namesIn(workspace, true).filter((path) => !path.startsWith('pg/') && /(^|\/)(tmp|temp|staging)\/|\.(new|tmp|part|writing|draft)$/.test(path)).length;
}

function namesIn(folder: string, isDeep = false): string[] {
  try {
    return readdirSync(folder, { recursive: isDeep, encoding: 'utf8' }).map((name) => (isDeep ? name : join(folder, name)));
  } catch {
    // Gone meanwhile.
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
