/** Workers over the API: the processes that run jobs. */
import * as z from 'zod';
import { endpoint, page, pageQuery, timestamp } from './endpoint.ts';

export const worker = z.strictObject({
  id: z.string(),
  builtIn: z.boolean(),
  host: z.string(),
  pid: z.int(),
  queues: z.array(z.string()),
  slots: z.int(),
  running: z.array(z.string()),
  lastBeatAt: timestamp,
  startedAt: timestamp,
  /** Whether it may take jobs: the Studio's own may, another once it has shown that it knows WORKER_SHARED_SECRET. */
  joined: z.boolean(),
  /** Why it may not. */
  refusal: z.string().optional(),
  /** Somebody shut it out: it stays so through its restarts. */
  shutOut: z.strictObject({ at: timestamp, by: z.string(), reason: z.string() }).optional(),
});

const params = z.strictObject({ id: z.string().max(64) });

export const workerEndpoints = [
  endpoint({ key: 'GET /api/v1/workers', tag: 'machine', summary: 'List workers', query: z.strictObject(pageQuery), status: 200, reply: page(worker) }),
  endpoint({
    key: 'POST /api/v1/workers/{id}/deregister',
    tag: 'machine',
    summary: 'Shut a worker out: it takes no more jobs',
    description: 'What it runs goes on. It hears the reason at its next call, and it stays shut out through its restarts until it is admitted again.',
    params,
    body: z.strictObject({ reason: z.string().trim().max(300).default('') }),
    status: 200,
    reply: worker,
    errors: ['invalid_body', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/workers/{id}/admit',
    tag: 'machine',
    summary: 'Let a worker that was shut out take jobs again',
    params,
    status: 200,
    reply: worker,
    errors: ['not_found', 'conflict'],
  }),
] as const;
