/** What jobs and steps produce over the API. */
import * as z from 'zod';
import { endpoint, page, pageQuery, timestamp } from './endpoint.ts';

const id = z.strictObject({ id: z.string().max(64) });

export const artifact = z.strictObject({
  id: z.string(),
  name: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  mediaType: z.string(),
  jobId: z.string().optional(),
  instanceId: z.string().optional(),
  stepPath: z.string().optional(),
  createdAt: timestamp,
});
export type Artifact = z.infer<typeof artifact>;

export const artifactEndpoints = [
  endpoint({
    key: 'GET /api/v1/jobs/{id}/artifacts',
    tag: 'jobs',
    summary: 'What the job left in $STUDIO_ARTIFACTS',
    params: id,
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(artifact),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/artifacts/archive',
    tag: 'jobs',
    summary: 'All artifacts of the job in one zip file',
    params: id,
    status: 200,
    reply: z.string(),
    replyType: 'application/zip',
    errors: ['not_found'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/artifacts/{id}',
    tag: 'jobs',
    summary: 'The bytes of an artifact; ranges work',
    params: id,
    query: z.strictObject({ meta: z.stringbool().default(false) }),
    status: 200,
    reply: z.string(),
    replyType: 'application/octet-stream',
    errors: ['not_found'],
    streams: true,
  }),
] as const;
