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
});
export const workerEndpoints = [
  endpoint({ key: 'GET /api/v1/workers', tag: 'machine', summary: 'List workers', query: z.strictObject(pageQuery), status: 200, reply: page(worker) }),
] as const;
