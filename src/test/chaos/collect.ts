/** Reads what a chaos campaign left: instances with their steps and events, as any caller of the API sees them. */
import { asObject, itemsOf, type ApiClient } from '../api-client.ts';
import type { Found } from './history.ts';

/** Enough to keep the server busy, few enough not to drown it. */
const LANES = 4;

/** Every instance that `wanted` takes; newest first in the API, any order here. */
export async function collect(client: ApiClient, wanted: (id: string) => boolean = () => true): Promise<Found[]> {
  const waiting = (await listAll(client, '/api/v1/instances?limit=200', (item) => String(item['id']))).filter(wanted);
  const found: Found[] = [];
  const lane = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) found.push(await readInstance(client, id));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return found;
}

async function readInstance(client: ApiClient, id: string): Promise<Found> {
  const instance = await client.expect(200, 'GET', `/api/v1/instances/${id}`);
  const steps = await listAll(client, `/api/v1/instances/${id}/steps?limit=200`, (step) => ({
    path: String(step['path']),
    generation: Number(step['generation']),
    status: String(step['status']),
    // An item of a body hands on what its last step gave.
    execution: String(step['path']).endsWith(']') ? undefined : executionOf(step['output']),
    endedAt: typeof step['endedAt'] === 'string' ? Date.parse(step['endedAt']) : undefined,
  }));
  const sequences = await listAll(client, `/api/v1/instances/${id}/events?limit=200`, (event) => Number(event['sequence']));
  return {
    id,
    workflow: String(instance['workflowName']),
    input: asObject(instance['input']),
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
