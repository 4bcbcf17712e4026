/** Workflows and their instances as tests of the API and of pages make them. */
import type { ApiClient } from './api-client.ts';

/** Publishes a workflow; without edges its nodes stand side by side. @returns its id */
export async function publish(
  api: ApiClient,
  workflow: { readonly name?: string; readonly nodes: readonly object[]; readonly edges?: readonly object[]; readonly [more: string]: unknown },
): Promise<string> {
  return String((await api.expect(201, 'POST', '/api/v1/workflows', { name: 'Made for a test', edges: [], ...workflow }))['id']);
}

/** Starts one and waits until it has ended, well or badly. @returns its id */
export async function runToEnd(api: ApiClient, workflowId: string, body: object = {}): Promise<string> {
  return String((await api.expect(200, 'POST', `/api/v1/workflows/${workflowId}/instances?wait=60`, body))['id']);
}
