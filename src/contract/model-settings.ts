/** How each engine runs its models: kept with the model, checked here. What is absent is chosen by the engine. */
import * as z from 'zod';
import { secretName } from './secrets.ts';

/** GGUF files in a child of Studio. */
export const llamaSettings = z.strictObject({
  /** `smaller` (default): rather than wait for memory that others use, it runs with a shorter context, fewer layers on the GPU or none, says so, and is loaded
   *  in full once there is room and it idles. `full`: it waits until all that the card could ever give it is free. */
  fit: z.enum(['full', 'smaller']).optional(),
  /** Tokens of each sequence; default: 8192, or what the model was trained with. */
  contextLength: z.int().min(128).max(16_777_216).optional(),
  /** The least it can do with; default: `contextLength` where that is named, else 2048. */
  minContextLength: z.int().min(128).max(16_777_216).optional(),
  /** On the device; default: all. */
  gpuLayers: z.int().min(0).max(10_000).optional(),
  /** The least it can do with; default: `gpuLayers` where that is named, else 0, which is main memory alone. */
  minGpuLayers: z.int().min(0).max(10_000).optional(),
  /** Sequences at once. */
  parallel: z.int().min(1).max(256).optional(),
  cacheType: z.enum(['f32', 'f16', 'q8_0', 'q4_0']).optional(),
  flashAttention: z.boolean().optional(),
  batchSize: z.int().min(1).max(65_536).optional(),
  threads: z.int().min(1).max(1_024).optional(),
  /** Jinja; default: the one in the file. */
  chatTemplate: z.string().max(262_144).optional(),
});
export type LlamaSettings = z.infer<typeof llamaSettings>;

/** A server with an API of OpenAI's kind that Studio starts, watches and stops. */
export const serviceSettings = z.strictObject({
  /** `{port}`, `{model}` (the folder or file) and `{name}` stand for what they say. */
  command: z.array(z.string().max(8_192)).min(1).max(200),
  /** Values may hold {{ secrets.NAME }}. */
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(8_192)).optional(),
  cwd: z.string().max(4_096).optional(),
  /** Default: a free one. */
  port: z.int().min(1).max(65_535).optional(),
  /** Answers 2xx once the model can be asked. */
  healthPath: z.string().regex(/^\//).max(1_024).optional(),
  startTimeoutS: z.int().min(1).max(7_200).optional(),
  /** Before /chat/completions; default /v1. */
  basePath: z
    .string()
    .regex(/^(\/.*[^/]|)$/)
    .max(1_024)
    .optional(),
  /** What the server calls the model; default: the model's name. */
  model: z.string().max(512).optional(),
  gpus: z.int().min(0).max(64).optional(),
  /** On each device; 0 with whole devices: all of it. */
  vramBytes: z.int().min(0).optional(),
  memoryBytes: z.int().min(0).optional(),
});
export type ServiceSettings = z.infer<typeof serviceSettings>;

const remoteUrl = z.url({ protocol: /^https?$/ }).max(2_048);

/** A provider elsewhere. */
export const remoteSettings = z.strictObject({
  kind: z.enum(['openai', 'anthropic', 'gemini']),
  /** Default: the provider's own. */
  baseUrl: remoteUrl.optional(),
  /** Several servers that answer the same, instead of `baseUrl`: the one with the least to do is asked, those that fail are left out for a while. */
  baseUrls: z.array(remoteUrl).min(1).max(16).optional(),
  /** What the provider calls the model. `*`: all it has, each asked for as `name/its name`. */
  model: z.string().min(1).max(512),
  /** Name of the secret with the key. */
  secret: secretName.optional(),
});
export type RemoteSettings = z.infer<typeof remoteSettings>;

export const modelSettings = z.union([serviceSettings, remoteSettings, llamaSettings]);
