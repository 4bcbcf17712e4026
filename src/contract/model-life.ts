/** What a person tells a model of this machine to do: come into memory, leave it, stay there. By itself it comes when it is asked and goes when it idles. */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';
import { modelRuntime } from './models.ts';

const id = z.strictObject({ id: z.string().max(64) });

export const modelLifeEndpoints = [
  endpoint({
    key: 'POST /api/v1/models/{id}/load',
    tag: 'models',
    summary: 'Load a model, evicting idle ones where it needs their memory',
    description:
      'With `wait` it answers once the model is loaded or the time is over; the load goes on. How far it is stands in `progress`, and in events of the model.',
    params: id,
    query: z.strictObject({ wait: z.coerce.number().min(0).max(90).default(0) }),
    status: 200,
    reply: modelRuntime,
    errors: ['invalid_query', 'not_found', 'conflict', 'unsatisfiable', 'queue_full', 'model_unavailable', 'draining'],
  }),
  endpoint({
    key: 'POST /api/v1/models/{id}/unload',
    tag: 'models',
    summary: 'Unload a model: who uses it may finish within `drain` seconds',
    params: id,
    query: z.strictObject({ drain: z.coerce.number().min(0).max(60).default(30) }),
    status: 200,
    reply: modelRuntime,
    errors: ['invalid_query', 'not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/models/{id}/pin',
    tag: 'models',
    summary: 'Keep a model in memory: loaded now and at each start, never evicted',
    params: id,
    status: 200,
    reply: modelRuntime,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/models/{id}/unpin',
    tag: 'models',
    summary: 'Let a model go again when it idles or its memory is needed',
    params: id,
    status: 200,
    reply: modelRuntime,
    errors: ['not_found'],
  }),
] as const;
