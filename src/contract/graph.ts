/** The definition of a workflow: nodes, edges, policy, triggers. Shape only; what a graph means is checked by engine/validate. */
import * as z from 'zod';
import { json } from './endpoint.ts';
import { notifyRules } from './notifications.ts';
import { commentColours, triggerTypes } from './values.ts';

/** Of a workflow, those in bodies included. Validation refuses more, by name; the shape does not, so that a draft may be too large. */
export const MAX_NODES = 2_000;

export const nodeKey = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'a key is a to z, then up to 63 of a to z, 0 to 9 and _');

/** When failed attempts are tried again. `on` names classes of error; absent: any that is not marked as final. */
export const retryPolicy = z.strictObject({
  maxAttempts: z.int().min(1).max(100).default(1),
  backoffMs: z.int().min(0).max(86_400_000).default(1_000),
  factor: z.number().min(1).max(10).default(2),
  maxBackoffMs: z.int().min(0).max(86_400_000).default(60_000),
  jitter: z.number().min(0).max(1).default(0.5),
  on: z.array(z.string().max(64)).max(20).optional(),
});
export type RetryPolicy = z.infer<typeof retryPolicy>;

export const resources = z.strictObject({
  gpus: z.int().min(0).max(64).optional(),
  vramBytes: z.int().min(0).optional(),
  cpu: z.number().min(0).max(1024).optional(),
  memoryBytes: z.int().min(0).optional(),
});

export const onError = z.enum(['fail', 'continue', 'branch']);
export const fanIn = z.union([z.literal('all'), z.literal('any'), z.int().min(1).max(MAX_NODES)]);

/** Use a result again: for `ttlS` seconds, of any instance of the org that evaluated the same params, or the same `key`. */
export const cachePolicy = z.strictObject({
  ttlS: z
    .int()
    .min(1)
    .max(365 * 86_400),
  key: z.string().max(10_000).optional(),
});

/** What every node takes beside its own params. */
export const nodePolicy = {
  timeoutMs: z
    .int()
    .min(1)
    .max(7 * 86_400_000)
    .optional(),
  retry: retryPolicy.partial().optional(),
  onError: onError.optional(),
  condition: z.string().max(10_000).optional(),
  runIf: fanIn.optional(),
  mock: json.optional(),
  disabled: z.boolean().optional(),
  priority: z.int().min(0).max(100).optional(),
  queue: z.string().max(64).optional(),
  resources: resources.optional(),
  /** Its job may be ended and put back in line for something more important; what it left in `$STUDIO_CHECKPOINT` is kept, and no attempt is counted. */
  preemptible: z.boolean().optional(),
  cache: cachePolicy.optional(),
  /** Handed to the node in place of `instance/path/generation`; an expression, evaluated once a generation. */
  idempotencyKey: z.string().max(10_000).optional(),
  /** `manual`: a person lets it start. */
  start: z.enum(['auto', 'manual']).optional(),
};

export const graphNode = z.strictObject({
  key: nodeKey,
  type: z.string().min(1).max(64),
  typeVersion: z.int().min(1).optional(),
  name: z.string().max(200).optional(),
  notes: z.string().max(4_000).optional(),
  params: z.record(z.string(), json).optional(),
  position: z.strictObject({ x: z.number(), y: z.number() }).optional(),
  ...nodePolicy,
});
export type GraphNode = z.infer<typeof graphNode>;

/** `key` or `key.port`. */
export const endpointOfEdge = z.string().regex(/^[a-z][a-z0-9_]{0,63}(\.[a-z][a-z0-9_]{0,63})?$/, 'an end of an edge is "key" or "key.port"');

export const edgeMode = z.enum(['trigger', 'context', 'attachments']);

export const graphEdge = z.strictObject({
  from: endpointOfEdge,
  to: endpointOfEdge,
  mode: z.array(edgeMode).min(1).optional(),
  when: z.string().max(10_000).optional(),
});
export type GraphEdge = z.infer<typeof graphEdge>;

/** A note on the canvas, and a frame around what it is about. Runs nothing and belongs to no structure. Plain text. */
export const graphComment = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'an id is up to 64 of a to z, 0 to 9, _ and -'),
  text: z.string().max(4_000),
  position: z.strictObject({ x: z.number(), y: z.number() }),
  size: z.strictObject({ width: z.number().min(40).max(20_000), height: z.number().min(24).max(20_000) }).optional(),
  colour: z.enum(commentColours).optional(),
});
export type GraphComment = z.infer<typeof graphComment>;

/** Of one graph: of the workflow itself or of one body. */
const comments = z
  .array(graphComment)
  .max(500)
  .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, 'two comments have the same id; ids are unique within a graph')
  .optional();

/** A graph inside a node (`params.body` of map and loop): run once an item. */
export const graphBody = z.strictObject({ nodes: z.array(graphNode).min(1), edges: z.array(graphEdge), comments });
export type GraphBody = z.infer<typeof graphBody>;

export const trigger = z.strictObject({
  key: nodeKey,
  type: z.enum(triggerTypes),
  params: z.record(z.string(), json).default({}),
  enabled: z.boolean().default(true),
});
export type Trigger = z.infer<typeof trigger>;

/** How many instances may run at once: of the workflow, or of each value of `key` (an expression over `input`). */
export const concurrencyLimit = z.strictObject({
  limit: z.int().min(1).max(100_000),
  key: z.string().max(10_000).optional(),
  /** What happens to one more: it waits, it is cancelled, or the oldest gives way. */
  policy: z.enum(['queue', 'cancel-new', 'cancel-old']).default('queue'),
});

/** How many instances may start within `perS` seconds; the others wait. */
export const rateLimit = z.strictObject({
  limit: z.int().min(1).max(1_000_000),
  perS: z
    .int()
    .min(1)
    .max(30 * 86_400),
  key: z.string().max(10_000).optional(),
});

export const workflowSettings = z.strictObject({
  maxConcurrentSteps: z.int().min(1).max(1_000).optional(),
  /** Of instances without one of their own; children have their parent's. */
  priority: z.int().min(0).max(100).optional(),
  concurrency: concurrencyLimit.optional(),
  rateLimit: rateLimit.optional(),
  /** Ended instances are deleted after so many days; the machine's own limit may be shorter. */
  retentionDays: z.number().min(0.01).max(3_650).optional(),
  /** Who is told what of its instances. Absent: the org's own rules (settings, notifications); an empty list: nobody. */
  notify: notifyRules.optional(),
});

/** The parts of a workflow that a version freezes. */
export const graph = {
  nodes: z.array(graphNode),
  edges: z.array(graphEdge),
  comments,
  inputSchema: z.record(z.string(), json).optional(),
  triggers: z.array(trigger).max(50).optional(),
  settings: workflowSettings.optional(),
};
export const definition = z.strictObject(graph);
export type Definition = z.infer<typeof definition>;

/** One fault of a graph. `path` is a JSON path into the definition (`nodes[3].params.url`); `code` is stable. */
export const problem = z.strictObject({ node: z.string().optional(), path: z.string(), code: z.string(), message: z.string() });
export type Problem = z.infer<typeof problem>;
