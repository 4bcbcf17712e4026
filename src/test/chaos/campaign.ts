/** A chaos campaign: a real Studio under load, random kills of it, its PostgreSQL and its Redis, then the judgement of what is left.
 *  Everything random comes from the seed; only the machine's own timing differs between two runs of one seed. */
import { asObject, itemsOf, type ApiClient } from '../api-client.ts';
import { claimStudio, createStudio, type Studio } from '../studio-process.ts';
import { judge, type Found, type Kill, type Verdict } from './history.ts';
import { startLoad } from './load.ts';
import { startOracle, type Oracle } from './oracle.ts';
import { chaosWorkflows, outputOf } from './workflows.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly kills: number;
  readonly postgres: number;
  readonly redis: number;
  /** No kill starts after this much time. */
  readonly seconds: number;
  readonly clients: number;
  /** Runs a second, of each client. */
  readonly rate: number;
  readonly onLine: (line: string) => void;
}

export interface Campaign {
  readonly verdict: Verdict;
  readonly kills: Readonly<Record<Kill['target'], number>>;
  readonly acknowledged: number;
  readonly instances: number;
  readonly executions: number;
  /** Executions beyond one a step. */
  readonly repeated: number;
  /** Start of the process to ready, after each kill of Studio, sorted. */
  readonly readyMs: readonly number[];
  /** Kill to all well, for each inner service, sorted. */
  readonly healMs: Readonly<Record<'postgres' | 'redis', readonly number[]>>;
}

/** Longest time that everything acknowledged may take to end once the kills are over. */
const SETTLE_LIMIT_MS = 120_000;
const HEAL_LIMIT_MS = 60_000;

export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const random = randomOf(options.seed);
  const studio = await createStudio();
  const oracle = await startOracle(Date.now, randomOf(options.seed + 1));
  try {
    await studio.start();
    const client = await claimStudio(studio);
    const workflowIds = await prepare(client, oracle);
    const load = startLoad({ client, workflowIds, clients: options.clients, rate: options.rate, random: randomOf(options.seed + 2) });
    const done = await killAll(studio, client, options, random);
    await load.stop();
    options.onLine(`kills are over: ${load.acknowledged.length} of ${load.submitted} runs acknowledged; waiting until all have ended`);
    await settle(client);
    const found = await collect(client);
    const executions = oracle.executions();
    const verdict = judge({ acknowledged: load.acknowledged, executions, kills: done.kills, found, faults: load.faults, outputOf });
    const count = (target: Kill['target']): number => done.kills.filter((kill) => kill.target === target).length;
    return {
      verdict,
      kills: { studio: count('studio'), postgres: count('postgres'), redis: count('redis') },
      acknowledged: load.acknowledged.length,
      instances: found.length,
      executions: executions.length,
      repeated: executions.length - new Set(executions.map((execution) => `${execution.run}/${execution.step}`)).size,
      readyMs: done.readyMs.toSorted((a, b) => a - b),
      healMs: { postgres: done.healMs.postgres.toSorted((a, b) => a - b), redis: done.healMs.redis.toSorted((a, b) => a - b) },
    };
  } catch (error) {
    throw new Error(`the campaign of seed ${options.seed} broke off; the end of Studio's log:\n${studio.log().slice(-6_000)}`, { cause: error });
  } finally {
    await studio.destroy();
    await oracle.close();
  }
}

async function prepare(client: ApiClient, oracle: Oracle): Promise<string[]> {
  await client.expect(200, 'PATCH', '/api/v1/settings', { allowedHosts: [`127.0.0.1:${oracle.port}`] });
  await client.expect(200, 'PUT', '/api/v1/secrets/CHAOS', { value: 'asked for by every call' });
  const ids: string[] = [];
  // Serial: four calls, once.
  for (const { name, definition } of chaosWorkflows(oracle))
    ids.push(String((await client.expect(201, 'POST', '/api/v1/workflows', { name, ...definition }))['id']));
  return ids;
}

interface Done {
  readonly kills: Kill[];
  readonly readyMs: number[];
  readonly healMs: Record<'postgres' | 'redis', number[]>;
}

async function killAll(studio: Studio, client: ApiClient, options: CampaignOptions, random: () => number): Promise<Done> {
  const done: Done = { kills: [], readyMs: [], healMs: { postgres: [], redis: [] } };
  const deadline = performance.now() + options.seconds * 1000;
  const plan = shuffle([...repeat('studio', options.kills), ...repeat('postgres', options.postgres), ...repeat('redis', options.redis)], random);
  for (const [index, target] of plan.entries()) {
    if (performance.now() > deadline) break;
    await pause(50 + random() * 1_950);
    if (target === 'studio') {
      const at = Date.now();
      await studio.kill();
      done.readyMs.push((await studio.start()).readyMs);
      done.kills.push({ target, at, until: Date.now() });
    } else {
      const pid = await servicePid(client, target);
      const at = Date.now();
      process.kill(pid, 'SIGKILL');
      done.healMs[target].push(await healed(client, target, pid));
      done.kills.push({ target, at, until: Date.now() });
    }
    if ((index + 1) % 20 === 0) options.onLine(`${index + 1} of ${plan.length} kills`);
  }
  return done;
}

async function servicePid(client: ApiClient, name: 'postgres' | 'redis'): Promise<number> {
  return until(`a pid of ${name}`, async () => pidOf(await client.expect(200, 'GET', '/api/v1/services'), name));
}

function pidOf(services: unknown, name: string): number | undefined {
  const service = itemsOf(services).find((item) => item['name'] === name && item['state'] === 'running');
  return typeof service?.['pid'] === 'number' ? service['pid'] : undefined;
}

/** Until a new process of it runs and /health says that all is well. @returns ms since the call */
async function healed(client: ApiClient, name: 'postgres' | 'redis', killed: number): Promise<number> {
  const startedAt = performance.now();
  await until(`${name} to heal`, async () => {
    const pid = pidOf(await client.expect(200, 'GET', '/api/v1/services'), name);
    const health = await client.call('GET', '/health');
    return pid !== undefined && pid !== killed && health.status === 200 && asObject(health.body)['status'] === 'ok' ? true : undefined;
  });
  return performance.now() - startedAt;
}

/** Until no instance is live. What is left then is found stuck by the judgement. */
async function settle(client: ApiClient): Promise<void> {
  const deadline = performance.now() + SETTLE_LIMIT_MS;
  while (performance.now() < deadline) {
    const page = await client.expect(200, 'GET', '/api/v1/instances?status=pending,running,waiting,paused&limit=1');
    if (itemsOf(page).length === 0) return;
    await pause(200);
  }
}

async function collect(client: ApiClient): Promise<Found[]> {
  const ids = await listAll(client, '/api/v1/instances?limit=200', (item) => String(item['id']));
  const found: Found[] = [];
  const waiting = [...ids];
  const lane = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) found.push(await readInstance(client, id));
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  return found;
}

async function readInstance(client: ApiClient, id: string): Promise<Found> {
  const instance = await client.expect(200, 'GET', `/api/v1/instances/${id}`);
  const steps = await listAll(client, `/api/v1/instances/${id}/steps?limit=200`, (step) => ({
    path: String(step['path']),
    generation: Number(step['generation']),
    status: String(step['status']),
    execution: executionOf(step['output']),
  }));
  const sequences = await listAll(client, `/api/v1/instances/${id}/events?limit=200`, (event) => Number(event['sequence']));
  return {
    id,
    run: String(asObject(instance['input'])['run']),
    status: String(instance['status']),
    output: instance['output'],
    error: instance['error'],
    steps,
    sequences,
  };
}

/** http.request keeps the oracle's answer as its body, command what it printed as its result. */
function executionOf(output: unknown): string | undefined {
  const { body, result } = asObject(output);
  const id = asObject(body)['execution'] ?? asObject(result)['execution'];
  return typeof id === 'string' ? id : undefined;
}

/** Every page of a list. */
async function listAll<T>(client: ApiClient, path: string, read: (item: Record<string, unknown>) => T): Promise<T[]> {
  const all: T[] = [];
  for (let after = ''; ;) {
    const page = await client.expect(200, 'GET', `${path}${after}`);
    all.push(...itemsOf(page).map(read));
    const next = page['next'];
    if (typeof next !== 'string') return all;
    after = `&after=${encodeURIComponent(next)}`;
  }
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

/** mulberry32: small, seeded, good enough to choose moments. @returns numbers in [0, 1) */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

function repeat<const T>(item: T, times: number): T[] {
  return Array.from({ length: times }, () => item);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
