/** Instances over the API that wait where a test wants them. Uses a whole app's real engine: it looks until they do. */
import type { GraphNode } from '../contract/graph.ts';
import { itemsOf, type ApiClient } from './api-client.ts';
import { until } from './until.ts';

/** Publishes `nodes` as a workflow and starts it. @param status it is looked at until it has this one  @returns the instance's id */
export async function startInstance(
  client: ApiClient,
  workflow: { readonly name: string; readonly nodes: readonly GraphNode[] },
  options: { readonly status?: 'waiting' | 'completed'; readonly body?: object } = {},
): Promise<string> {
  const { status = 'waiting', body = {} } = options;
  const made = await client.expect(201, 'POST', '/api/v1/workflows', { ...workflow, edges: [], settings: { notify: [] } });
  const instance = await client.expect(201, 'POST', `/api/v1/workflows/${String(made['id'])}/instances`, body);
  const id = String(instance['id']);
  await untilStatus(client, id, status);
  return id;
}

export async function untilStatus(client: ApiClient, instanceId: string, status: string): Promise<void> {
  await until(`${instanceId} to be ${status}`, async () => (await client.expect(200, 'GET', `/api/v1/instances/${instanceId}`))['status'] === status);
}

/** Where the only step of an instance can be called while it waits: the URL's path. */
export async function callbackOf(client: ApiClient, instanceId: string): Promise<string> {
  const [step] = itemsOf(await client.expect(200, 'GET', `/api/v1/instances/${instanceId}/steps`));
  return String((step?.['waitReason'] as { url?: string } | undefined)?.url);
}
