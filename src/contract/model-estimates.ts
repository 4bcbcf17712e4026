/** What a model would take of a device before it is loaded, of one that is here and of one that is elsewhere. */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';

/** `owner/name`, with the quantisation behind a colon where wanted: `Qwen/Qwen3-8B-GGUF:Q8_0`. */
export const repoName = z
  .string()
  .max(256)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}(:[A-Za-z0-9._-]{1,64})?$/,
    'a repository is owner/name, or owner/name:QUANTISATION',
  );
export const repoRevision = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, 'a revision is a branch, a tag or a commit');

/** How a load is meant: what is absent is taken from the model's settings, else chosen. */
const loadQuery = {
  /** Tokens of each sequence. */
  context: z.coerce.number().int().min(1).max(16_777_216).optional(),
  gpuLayers: z.coerce.number().int().min(0).max(10_000).optional(),
  /** Sequences at once. */
  parallel: z.coerce.number().int().min(1).max(256).optional(),
  cacheType: z.enum(['f32', 'f16', 'q8_0', 'q4_0']).optional(),
  flashAttention: z.stringbool().optional(),
};

export const modelEstimate = z.strictObject({
  /** What was reckoned with. */
  load: z.strictObject({
    context: z.int(),
    gpuLayers: z.int(),
    parallel: z.int(),
    cacheType: z.string(),
    flashAttention: z.boolean(),
  }),
  /** Repeating layers, and one for the output. */
  layers: z.int(),
  /** On the device. */
  vram: z.strictObject({ weights: z.int(), cache: z.int(), compute: z.int(), runtime: z.int(), total: z.int() }),
  /** In main memory. */
  memory: z.strictObject({ weights: z.int(), cache: z.int(), total: z.int() }),
  /** The device with the most free memory now; null: there is none. */
  device: z.strictObject({ index: z.int(), uuid: z.string(), name: z.string(), freeBytes: z.int(), totalBytes: z.int() }).nullable(),
  fit: z.strictObject({
    /** whole: as asked; partly: with fewer layers on the device; none: main memory alone. */
    verdict: z.enum(['whole', 'partly', 'none']),
    /** The most layers that fit with this context, and the longest context with all layers; 0: not even one. */
    gpuLayers: z.int(),
    context: z.int(),
    message: z.string(),
  }),
});
export type ModelEstimate = z.infer<typeof modelEstimate>;

export const modelEstimateEndpoints = [
  endpoint({
    key: 'GET /api/v1/models/{id}/estimate',
    tag: 'models',
    summary: 'What a model would take of a device, and what fits now',
    params: z.strictObject({ id: z.string().max(64) }),
    query: z.strictObject(loadQuery),
    status: 200,
    reply: modelEstimate,
    errors: ['invalid_query', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'GET /api/v1/models/estimate',
    tag: 'models',
    summary: 'The same of a GGUF file that is not here yet: only its header is read',
    query: z.strictObject({
      repo: repoName.optional(),
      file: z.string().max(512).optional(),
      revision: repoRevision.optional(),
      url: z.string().max(8_192).optional(),
      ...loadQuery,
    }),
    status: 200,
    reply: modelEstimate,
    errors: ['invalid_query', 'upstream_failed'],
  }),
] as const;
