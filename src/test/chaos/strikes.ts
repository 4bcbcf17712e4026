/** The blows of a chaos campaign: what is killed or frozen, and the wait until all is well again. Touches only processes of its own Studio. */
import { asObject, itemsOf, type ApiClient } from '../api-client.ts';
import { pidsOf, processTree, type Studio } from '../studio-process.ts';
import { pause } from './hands.ts';
import type { Blow, Strike } from './history.ts';
import { between } from './random.ts';

export interface Struck {
  readonly blow: Blow;
  /** Start of the process to ready, where Studio was started again. */
  readonly readyMs?: number;
  /** SIGTERM to the end of the process, where Studio was asked to stop. */
  readonly stopMs?: number;
  /** Blow to all well, where it was not. */
  readonly healMs?: number;
}

export interface StrikeParts {
  readonly studio: Studio;
  readonly client: ApiClient;
  readonly random: () => number;
  /** How long a freeze lasts. */
  readonly freezeMs: readonly [from: number, to: number];
}

/** Generous: the machine may be busy with other work. */
const HEAL_LIMIT_MS = 120_000;
/** What a page that says "I live" may take while PostgreSQL is frozen. */
const LIVE_LIMIT_MS = 20_000;

/** Strikes once. @throws Error when Studio does not come back, does not stop well, or does not answer while PostgreSQL is frozen */
export async function strike(target: Strike, parts: StrikeParts): Promise<Struck> {
  switch (target) {
    case 'studio':
      return restart(parts.studio, target, () => parts.studio.kill());
    case 'stop':
      return stop(parts.studio);
    case 'tree':
      return restart(parts.studio, target, () => killTree(parts.studio));
    case 'postgres':
    case 'redis':
      return killService(target, parts);
    case 'freeze-studio':
      return freezeStudio(parts);
    case 'freeze-postgres':
      return freezePostgres(parts);
  }
}

async function restart(studio: Studio, target: Strike, kill: () => Promise<void>): Promise<Struck> {
  const at = Date.now();
  await kill();
  const { readyMs } = await studio.start();
  return { blow: { target, at, until: Date.now() }, readyMs };
}

/** As an operator does: what runs is drained, and nothing is left to be done again. */
async function stop(studio: Studio): Promise<Struck> {
  const at = Date.now();
  const code = await studio.stop();
  const stopMs = Date.now() - at;
  if (code !== 0) throw new Error(`Studio was asked to stop and ended with ${code} after ${stopMs} ms`);
  const { readyMs } = await studio.start();
  return { blow: { target: 'stop', at, until: Date.now() }, readyMs, stopMs };
}

/** Node and everything it started, at once, as when a pod is stopped. */
async function killTree(studio: Studio): Promise<void> {
  const members = new Set([...processTree(studio.pid()), ...pidsOf(studio.workspace)]);
  members.delete(studio.pid());
  const gone = studio.kill();
  for (const pid of members) signal(pid, 'SIGKILL');
  await gone;
}

async function killService(target: 'postgres' | 'redis', { client }: StrikeParts): Promise<Struck> {
  const pid = await servicePid(client, target);
  const at = Date.now();
  signal(pid, 'SIGKILL');
  await healed(client, target, (now) => now !== pid);
  return { blow: { target, at, until: Date.now() }, healMs: Date.now() - at };
}

async function freezeStudio({ studio, client, random, freezeMs }: StrikeParts): Promise<Struck> {
  const at = Date.now();
  signal(studio.pid(), 'SIGSTOP');
  await pause(between(random, ...freezeMs));
  signal(studio.pid(), 'SIGCONT');
  await healed(client, 'postgres', () => true);
  return { blow: { target: 'freeze-studio', at, until: Date.now() } };
}

/** The whole server: its postmaster alone would let sessions go on. */
async function freezePostgres({ client, random, freezeMs }: StrikeParts): Promise<Struck> {
  const pid = await servicePid(client, 'postgres');
  const at = Date.now();
  const members = processTree(pid);
  for (const member of members) signal(member, 'SIGSTOP');
  try {
    await pause(between(random, ...freezeMs) / 2);
    const live = await client.call('GET', '/health/live', { timeoutMs: LIVE_LIMIT_MS });
    if (live.status !== 200) throw new Error(`/health/live answered ${live.status} while PostgreSQL was frozen`);
    await pause(between(random, ...freezeMs) / 2);
  } finally {
    for (const member of members) signal(member, 'SIGCONT');
  }
  let last = pid;
  await healed(client, 'postgres', (now) => {
    last = now;
    return true;
  });
  // Where the supervisor took it for dead and started another, that was a death.
  return { blow: { target: last === pid ? 'freeze-postgres' : 'postgres', at, until: Date.now() }, healMs: Date.now() - at };
}

/** @throws Error when there is none in time */
export async function servicePid(client: ApiClient, name: 'postgres' | 'redis'): Promise<number> {
  return until(`a pid of ${name}`, async () => pidOf(await client.expect(200, 'GET', '/api/v1/services'), name));
}

function pidOf(services: unknown, name: string): number | undefined {
  const service = itemsOf(services).find((item) => item['name'] === name && item['state'] === 'running');
  return typeof service?.['pid'] === 'number' ? service['pid'] : undefined;
}

/** Until the service runs as wanted and /health says that all is well. */
async function healed(client: ApiClient, name: 'postgres' | 'redis', isWanted: (pid: number) => boolean): Promise<void> {
  await until(`${name} to heal`, async () => {
    const pid = pidOf(await client.expect(200, 'GET', '/api/v1/services'), name);
    const health = await client.call('GET', '/health');
    return pid !== undefined && isWanted(pid) && health.status === 200 && asObject(health.body)['status'] === 'ok' ? true : undefined;
  });
}

/** Asks until there is an answer; a call that fails meanwhile counts as none. */
async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + HEAL_LIMIT_MS;
  let last: unknown;
  while (performance.now() < deadline) {
    const answer = await ask().catch((error: unknown) => void (last = error));
    if (answer !== undefined) return answer;
    await pause(20);
  }
  throw new Error(`waited ${HEAL_LIMIT_MS} ms for ${what}`, { cause: last });
}

function signal(pid: number, name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // Gone meanwhile: what has ended needs no blow.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
