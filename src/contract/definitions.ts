/** Definitions as documents over the API: comparing versions, taking them out, bringing them in, copying. */
import * as z from 'zod';
import { endpoint, json } from './endpoint.ts';
import { definition, problem } from './graph.ts';
import { tags, workflow } from './workflows.ts';

const id = z.strictObject({ id: z.string().max(64) });

/** A version's number, or `draft`. */
const versionRef = z.string().regex(/^(draft|[1-9][0-9]{0,9})$/, 'a version is its number, or "draft"');

/** A value before and after; absent: it was not there. `path` is a JSON path into what changed. */
const change = z.strictObject({ path: z.string(), before: json.optional(), after: json.optional() });
export type Change = z.infer<typeof change>;

const changedThings = z.strictObject({
  added: z.array(json),
  removed: z.array(json),
  changed: z.array(z.strictObject({ key: z.string(), changes: z.array(change) })),
});
export type ChangedThings = z.infer<typeof changedThings>;

/** What differs. Nodes, edges, triggers and comments are matched by key (an edge by its ends, a comment by its id), wherever they stand; those in
 *  bodies too, each with the key of the node it is in as `in`. */
const definitionDiff = z.strictObject({
  isSame: z.boolean(),
  nodes: changedThings,
  edges: changedThings,
  triggers: changedThings,
  comments: changedThings,
  settings: z.array(change),
  inputSchema: z.array(change),
});
export type DefinitionDiff = z.infer<typeof definitionDiff>;

/** A workflow as a file: no ids of its own, no tokens, secrets and credentials by name alone. */
export const workflowDocument = z.strictObject({
  /** Of this format. */
  studio: z.literal(1),
  kind: z.literal('workflow'),
  name: z.string().trim().min(1).max(200),
  description: z.string().max(4_000).default(''),
  tags: tags.optional(),
  definition: z.record(z.string(), json),
  /** The workflows it calls by id, with their names: where an id is unknown, the workflow of that name takes its place. */
  calls: z
    .array(z.strictObject({ workflowId: z.string().max(64), name: z.string().max(200) }))
    .max(2_000)
    .optional(),
  /** The credentials its steps name by id, with their names and types: where an id is unknown, the one of that name and type takes its place. */
  credentials: z
    .array(z.strictObject({ id: z.string().max(64), name: z.string().max(200), type: z.string().max(64) }))
    .max(2_000)
    .optional(),
});
export type WorkflowDocument = z.infer<typeof workflowDocument>;

const imported = z.strictObject({
  /** Null: a dry run. */
  workflowId: z.string().nullable(),
  name: z.string(),
  /** It could not be published and waits as a draft. */
  isDraft: z.boolean(),
  problems: z.array(problem),
  /** Triggers that came switched on. An import starts nothing by itself: switch them on when all is as it should be. */
  triggersOff: z.array(z.string()),
  /** Calls of workflows, and credentials, that are found here by name. */
  remapped: z.array(z.strictObject({ path: z.string(), from: z.string(), to: z.string() })),
  /** Of a dry run: what would be brought in, as JSON. */
  document: z.strictObject({ name: z.string(), description: z.string(), definition: z.record(z.string(), json) }).optional(),
});

export const definitionEndpoints = [
  endpoint({
    key: 'GET /api/v1/workflows/{id}/diff',
    tag: 'workflows',
    summary: 'What changed between two versions',
    description: 'Without `to`: the newest version. Without `from`: the one before `to`.',
    params: id,
    query: z.strictObject({ from: versionRef.optional(), to: versionRef.optional() }),
    status: 200,
    reply: definitionDiff.extend({ from: z.string(), to: z.string() }),
    errors: ['invalid_query', 'not_found', 'invalid_graph'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/compare',
    tag: 'workflows',
    summary: 'What differs between two definitions',
    description: 'Nothing is stored: for what is on a screen and not saved yet.',
    body: z.strictObject({ before: definition, after: definition }),
    status: 200,
    reply: definitionDiff,
    errors: ['invalid_body', 'too_large'],
  }),
  endpoint({
    key: 'GET /api/v1/workflows/{id}/export',
    tag: 'workflows',
    summary: 'Take a workflow out as a document',
    description: 'As JSON or YAML. Without `version`: the newest.',
    params: id,
    query: z.strictObject({ format: z.enum(['json', 'yaml']).default('json'), version: versionRef.optional() }),
    status: 200,
    reply: z.string(),
    replyType: 'application/json; charset=utf-8',
    errors: ['invalid_query', 'not_found', 'invalid_graph'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/import',
    tag: 'workflows',
    summary: 'Make a workflow from a document',
    description:
      'The body is the document as JSON or YAML (by Content-Type), or `{ "document": … }` with it as text or object. `as=draft` keeps what can not be published as a draft; `dryRun=true` only tells the problems. Nothing of it runs: its triggers come switched off.',
    query: z.strictObject({ as: z.enum(['workflow', 'draft']).default('workflow'), dryRun: z.stringbool().default(false) }),
    bodyKind: 'bytes',
    status: 201,
    reply: imported,
    errors: ['invalid_body', 'invalid_query', 'invalid_graph', 'too_large'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/copy',
    tag: 'workflows',
    summary: 'Make a workflow of its own from the newest version',
    description: 'Its triggers come switched off, webhooks with URLs of their own.',
    params: id,
    body: z.strictObject({ name: z.string().trim().min(1).max(200).optional() }),
    status: 201,
    reply: workflow,
    errors: ['invalid_body', 'not_found', 'invalid_graph'],
  }),
] as const;
