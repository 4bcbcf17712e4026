/** Models over the API: the catalogue, and what each does right now. What answers with them is /v1. */
import * as z from 'zod';
import { endpoint, json, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { waitReason } from './instances.ts';
import { llamaSettings, modelSettings, remoteSettings, serviceSettings } from './model-settings.ts';
import { modelEngines, modelStates, modelStatuses } from './values.ts';

const id = z.strictObject({ id: z.string().max(64) });

/** What callers of /v1 write as `model`. */
export const modelName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._:@/-]{0,126}[A-Za-z0-9])?$/,
    'a model is named by 1 to 128 of letters, digits, ".", "_", ":", "@", "/" and "-", letters or digits at both ends',
  );

/** `machine`: for every org. `org`: for the org of who made it alone. */
export const modelOwner = z.enum(['machine', 'org']);
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
  /** Of a provider: its servers, and whether each is asked now. For super administrators alone: they hold addresses. */
  backends: z.array(z.strictObject({ url: z.string(), isUp: z.boolean(), inFlight: z.int(), lastFault: z.string().optional() })).optional(),
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
  owner: modelOwner,
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

const common = { name: modelName, owner: modelOwner.default('machine'), ttlS: ttlS.default(null), pinned: z.boolean().default(false) };
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
  owner: modelOwner.optional(),
  ttlS: ttlS.optional(),
  /** Joined with what stands; null removes a key. */
  settings: z.record(z.string().max(64), json).optional(),
});
export type PatchModel = z.infer<typeof patchModel>;

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
] as const;
