/** The supervised children and what can be done to them. */
import { call } from '../api.ts';
import { useResource } from './resource.ts';
import type { Resource } from './resource.ts';
import type { ReplyOf } from '../../src/contract/index.ts';

export type ServicesPage = ReplyOf<'GET /api/v1/services'>;

/** Services, followed live. */
export function useServices(): Resource<ServicesPage> {
  return useResource((signal) => call('GET /api/v1/services', { query: { limit: 200 }, signal }), [], {
    follow: { rooms: ['system'], apply: (value, event) => (event.event_type === 'supervise:service:changed' ? 'reload' : value) },
  });
}

export type ServiceVerb = 'start' | 'stop' | 'restart';

/** @throws ApiError */
export async function commandService(name: string, verb: ServiceVerb): Promise<void> {
  const params = { name };
  if (verb === 'start') await call('POST /api/v1/services/{name}/start', { params });
  else if (verb === 'stop') await call('POST /api/v1/services/{name}/stop', { params });
  else await call('POST /api/v1/services/{name}/restart', { params });
}
