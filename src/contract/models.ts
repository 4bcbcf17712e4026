/** Models over the API: the catalogue, what a model would take of a device, and downloads. What answers with them is /v1. */
import * as z from 'zod';
import { endpoint, json, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { waitReason } from './instances.ts';
import { llamaSettings, modelSettings, remoteSettings, serviceSettings } from './model-settings.ts';
import { downloadStatuses, modelEngines, modelStates, modelStatuses } from './values.ts';

const id = z.strictObject({ id: z.string().max(64) });

/** What callers of /v1 write as `model`. */
export const modelName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._:@/-]{0,126}[A-Za-z0-9])?$/,
    'a model is named by 1 to 128 of letters, digits, ".", "_", ":", "@", "/" and "-", letters or digits at both ends',
  );

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a sha256 is 64 of 0 to 9 and a to f');
/** `machine`: for every org. `org`: for the org of who made it alone. */
const owner = z.enum(['machine', 'org']);
/** How long nobody asks for it before it is unloaded, in seconds; null: Studio's default; 0: at once. */
const ttlS = z
  .int()
  .min(0)
  .max(30 * 86_400)
  .nullable();

/** What a model does right now: filled by its engine's life cycle. */
export const modelRuntime = z.strictObject({
  state: z.enum(modelStates),
  /** Where it lies; empty while it runs on the CPU, elsewhere, or not at all. */
  devices: z.array(z.strictObject({ index: z.int(), uuid: z.string(), bytes: z.int() })),
  pid: z.int().optional(),
  loadedAt: timestamp.optional(),
  /** How much of it was loaded, and why no more; absent where its engine decides by itself. */
  load: z
    .strictObject({
      /** Tokens of each sequence. */
      contextLength: z.int(),
      wantedContextLength: z.int(),
      /** Sequences at once. */
      parallel: z.int(),
      /** On devices; the repeating ones, and one for the output. */
      gpuLayers: z.int(),
      layers: z.int(),
      /** False: memory was short. It is loaded in full when there is room and it idles. */
      isFull: z.boolean(),
      /** `18 of 33 layers on GPU 0: 6.2 GiB free of 9.8 asked` */
      message: z.string(),
    })
    .optional(),
  /** Since when nobody uses it; absent while somebody does. */
  idleSince: timestamp.optional(),
  /** When it will be unloaded if nobody asks. */
  unloadsAt: timestamp.optional(),
  /** Requests that it answers now, and that wait for it. */
  inUse: z.int(),
  waiting: z.int(),
  waitReason: waitReason.optional(),
  /** Of the load, 0 to 1. */
  progress: z.number().optional(),
  /** Why it failed last, with what to do about it. */
  error: z.string().optional(),
  /** How its engine ended by itself since Studio started, newest first, at most ten. */
  exits: z.array(z.strictObject({ at: timestamp, how: z.string(), uptimeMs: z.int() })).optional(),
});
export type ModelRuntime = z.infer<typeof modelRuntime>;

export const modelFile = z.strictObject({ name: z.string(), bytes: z.int(), sha256: z.string().nullable() });
export type ModelFile = z.infer<typeof modelFile>;

/** Where its files are from. A URL is shown without its query. */
export const modelSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('huggingface'), repo: z.string(), revision: z.string(), commit: z.string().nullable() }),
  z.strictObject({ kind: z.literal('url'), url: z.string() }),
  z.strictObject({ kind: z.literal('file'), path: z.string() }),
  z.strictObject({ kind: z.literal('path'), path: z.string() }),
  z.strictObject({ kind: z.literal('none') }),
]);
export type ModelSource = z.infer<typeof modelSource>;

export const model = z.strictObject({
  id: z.string(),
  name: z.string(),
  engine: z.enum(modelEngines),
  owner,
  status: z.enum(modelStatuses),
  fault: z.string().optional(),
  format: z.enum(['gguf', 'safetensors', 'other']).nullable(),
  architecture: z.string().nullable(),
  quantisation: z.string().nullable(),
  parameters: z.number().nullable(),
  /** What it was trained with, in tokens. */
  contextLength: z.int().nullable(),
  bytes: z.int(),
  pinned: z.boolean(),
  ttlS,
  runtime: modelRuntime,
  /** While its files come: the download. */
  downloadId: z.string().nullable(),
  /** For super administrators alone: they may hold addresses, commands and names of secrets. */
  source: modelSource.optional(),
  files: z.array(modelFile).optional(),
  settings: modelSettings.optional(),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type Model = z.infer<typeof model>;

const common = { name: modelName, owner: owner.default('machine'), ttlS: ttlS.default(null), pinned: z.boolean().default(false) };
/** A file of the caller's org (upload it first), or a path below the workspace's models folder. */
const origin = { file: z.string().min(1).max(512).optional(), path: z.string().min(1).max(1_024).optional() };

export const registerModel = z.discriminatedUnion('engine', [
  z.strictObject({ engine: z.literal('llama'), ...common, ...origin, settings: llamaSettings.default({}) }),
  z.strictObject({ engine: z.literal('service'), ...common, ...origin, settings: serviceSettings }),
  z.strictObject({ engine: z.literal('remote'), ...common, settings: remoteSettings }),
]);
export type RegisterModel = z.infer<typeof registerModel>;

const patchModel = z.strictObject({
  name: modelName.optional(),
  owner: owner.optional(),
  ttlS: ttlS.optional(),
  /** Joined with what stands; null removes a key. */
  settings: z.record(z.string().max(64), json).optional(),
});
export type PatchModel = z.infer<typeof patchModel>;

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

const downloadError = z.strictObject({ code: z.string(), message: z.string() });
export type DownloadError = z.infer<typeof downloadError>;

const downloadFile = z.strictObject({
  name: z.string(),
  /** Null: the server does not say. */
  bytes: z.int().nullable(),
  done: z.int(),
  sha256: z.string().nullable(),
  state: z.enum(['waiting', 'running', 'verifying', 'done']),
});

export const download = z.strictObject({
  id: z.string(),
  /** Null: the model was deleted since. */
  modelId: z.string().nullable(),
  modelName: z.string(),
  owner,
  status: z.enum(downloadStatuses),
  source: modelSource,
  files: z.array(downloadFile),
  bytesDone: z.int(),
  /** Null: a server did not say how much there is. */
  bytesTotal: z.int().nullable(),
  /** Bytes a second of late; null: it does not run, or just began. */
  rate: z.int().nullable(),
  /** Ms; null: nobody knows. */
  leftMs: z.int().nullable(),
  waitReason: waitReason.optional(),
  error: downloadError.optional(),
  createdAt: timestamp,
  startedAt: timestamp.nullable(),
  endedAt: timestamp.nullable(),
  seq: z.int(),
});
export type Download = z.infer<typeof download>;

/** `owner/name`, with the quantisation behind a colon where wanted: `Qwen/Qwen3-8B-GGUF:Q8_0`. */
const repo = z
  .string()
  .max(256)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}(:[A-Za-z0-9._-]{1,64})?$/,
    'a repository is owner/name, or owner/name:QUANTISATION',
  );
const revision = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, 'a revision is a branch, a tag or a commit');

export const startDownload = z.strictObject({
  repo: repo.optional(),
  url: z.string().min(1).max(8_192).optional(),
  /** Of a repository: names, `*` stands for any part of one. Default: the quantisation named, else Q4_K_M; of other formats all that is needed. */
  files: z.array(z.string().min(1).max(512)).min(1).max(1_000).optional(),
  revision: revision.optional(),
  /** Of a URL: what its bytes must hash to. */
  sha256: sha256.optional(),
  /** Default: made from the repository or the file. */
  name: modelName.optional(),
  owner: owner.default('machine'),
  engine: z.enum(['llama', 'service']).optional(),
  settings: z.record(z.string().max(64), json).optional(),
});
export type StartDownload = z.infer<typeof startDownload>;

const downloadId = { params: id, status: 200, reply: download } as const;

export const modelEndpoints = [
  endpoint({
    key: 'GET /api/v1/models',
    tag: 'models',
    summary: 'List models',
    query: z.strictObject({ ...pageQuery, engine: z.enum(modelEngines).optional() }),
    status: 200,
    reply: page(model),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/models',
    tag: 'models',
    summary: 'Register a model',
    description:
      'llama: a GGUF file, uploaded before (`file`) or put below the models folder of the workspace (`path`). service: a server that Studio starts. remote: one elsewhere.',
    body: registerModel,
    status: 201,
    reply: model,
    errors: ['invalid_body', 'not_found', 'conflict', 'disk_full'],
  }),
  endpoint({ key: 'GET /api/v1/models/{id}', tag: 'models', summary: 'Read a model', params: id, status: 200, reply: model, errors: ['not_found'] }),
  endpoint({
    key: 'PATCH /api/v1/models/{id}',
    tag: 'models',
    summary: 'Change a model; settings hold from its next load on',
    params: id,
    body: patchModel,
    status: 200,
    reply: model,
    errors: ['invalid_body', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'DELETE /api/v1/models/{id}',
    tag: 'models',
    summary: 'Unload and delete a model, its files too unless another model has the same or they were yours',
    params: id,
    status: 204,
    reply: noReply,
    errors: ['not_found', 'still_running'],
  }),
  endpoint({
    key: 'GET /api/v1/models/{id}/estimate',
    tag: 'models',
    summary: 'What a model would take of a device, and what fits now',
    params: id,
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
      repo: repo.optional(),
      file: z.string().max(512).optional(),
      revision: revision.optional(),
      url: z.string().max(8_192).optional(),
      ...loadQuery,
    }),
    status: 200,
    reply: modelEstimate,
    errors: ['invalid_query', 'upstream_failed'],
  }),
  endpoint({
    key: 'POST /api/v1/models/downloads',
    tag: 'models',
    summary: 'Download a model',
    description:
      'From a repository of Hugging Face (or the mirror in HF_ENDPOINT) or a URL. The secret HF_TOKEN is sent to that host alone. Asked for again, the download that there is answers.',
    body: startDownload,
    status: 201,
    reply: download,
    errors: ['invalid_body', 'conflict', 'upstream_failed', 'disk_full', 'queue_full'],
  }),
  endpoint({
    key: 'GET /api/v1/models/downloads',
    tag: 'models',
    summary: 'List downloads',
    query: z.strictObject({ ...pageQuery, status: z.string().max(200).optional() }),
    status: 200,
    reply: page(download),
    errors: ['invalid_query'],
  }),
  endpoint({ key: 'GET /api/v1/models/downloads/{id}', tag: 'models', summary: 'Read a download', ...downloadId, errors: ['not_found'] }),
  endpoint({
    key: 'POST /api/v1/models/downloads/{id}/pause',
    tag: 'models',
    summary: 'Pause a download; what came is kept',
    ...downloadId,
    errors: ['not_found', 'illegal_transition'],
  }),
  endpoint({
    key: 'POST /api/v1/models/downloads/{id}/resume',
    tag: 'models',
    summary: 'Go on with a paused or failed download',
    ...downloadId,
    errors: ['not_found', 'illegal_transition', 'disk_full'],
  }),
  endpoint({
    key: 'POST /api/v1/models/downloads/{id}/cancel',
    tag: 'models',
    summary: 'Cancel a download and delete what came',
    ...downloadId,
    errors: ['not_found', 'illegal_transition'],
  }),
] as const;
