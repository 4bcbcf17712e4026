/** Workflows, drafts and versions over the API. */
import * as z from 'zod';
import { endpoint, json, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { definition, graph, problem } from './graph.ts';
import { triggerView } from './triggers.ts';

const name = z.string().trim().min(1).max(200);
const description = z.string().max(4_000);
/** One word or a few; what differs in case alone is one tag. */
export const tag = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'a tag is 1 to 40 characters on one line');
export const tags = z.array(tag).max(20);
/** What the database can number. */
const MAX_VERSION = 2_147_483_647;
const id = z.strictObject({ id: z.string().max(64) });
const versionNumber = z.coerce.number().int().max(MAX_VERSION);
const idAndVersion = z.strictObject({ id: z.string().max(64), n: versionNumber.min(1) });
/** Below zero: what a test run ran. */
const idAndAnyVersion = z.strictObject({ id: z.string().max(64), n: versionNumber.min(-MAX_VERSION) });

export const workflowSummary = z.strictObject({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  version: z.int(),
  nodeCount: z.int(),
  hasDraft: z.boolean(),
  archivedAt: timestamp.nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
  lastInstance: z.strictObject({ id: z.string(), status: z.string(), createdAt: timestamp }).nullable(),
});
export type WorkflowSummary = z.infer<typeof workflowSummary>;

export const workflow = workflowSummary.extend({
  definition,
  structuralHash: z.string(),
  triggers: z.array(triggerView),
  etag: z.string(),
  seq: z.int(),
  cursor: z.string(),
});
export type Workflow = z.infer<typeof workflow>;

export const workflowVersion = z.strictObject({
  version: z.int(),
  structuralHash: z.string(),
  publishedBy: z.string().nullable(),
  createdAt: timestamp,
  definition,
});

export const writeWorkflow = z.strictObject({ name, description: description.optional(), tags: tags.optional(), ...graph });
export const draft = z.strictObject({ name: name.optional(), description: description.optional(), definition: json });
export const draftView = z.strictObject({ draft, problems: z.array(problem), savedAt: timestamp.nullable(), etag: z.string() });

export const workflowEndpoints = [
  endpoint({
    key: 'POST /api/v1/workflows',
    tag: 'workflows',
    summary: 'Create a workflow and publish version 1',
    body: writeWorkflow,
    status: 201,
    reply: workflow,
    errors: ['invalid_body', 'invalid_graph', 'too_large'],
  }),
  endpoint({
    key: 'GET /api/v1/workflows',
    tag: 'workflows',
    summary: 'List workflows',
    query: z.strictObject({ ...pageQuery, search: z.string().max(200).optional(), tag: tag.optional(), archived: z.stringbool().default(false) }),
    status: 200,
    reply: page(workflowSummary),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/workflows/{id}',
    tag: 'workflows',
    summary: 'Read a workflow with its newest version',
    params: id,
    status: 200,
    reply: workflow,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PUT /api/v1/workflows/{id}',
    tag: 'workflows',
    summary: 'Publish a new version',
    description: 'Needs If-Match with the ETag of the workflow. An unchanged structure keeps its number.',
    params: id,
    body: writeWorkflow,
    status: 200,
    reply: workflow,
    errors: ['invalid_body', 'not_found', 'stale_version', 'invalid_graph', 'too_large'],
  }),
  endpoint({
    key: 'GET /api/v1/workflows/{id}/draft',
    tag: 'workflows',
    summary: 'Read the draft',
    params: id,
    status: 200,
    reply: draftView,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PUT /api/v1/workflows/{id}/draft',
    tag: 'workflows',
    summary: 'Save the draft; it may be invalid',
    description: 'If-Match is optional here; when given, a draft saved meanwhile by someone else is 412.',
    params: id,
    body: draft,
    status: 200,
    reply: draftView,
    errors: ['invalid_body', 'not_found', 'stale_version', 'too_large'],
  }),
  endpoint({
    key: 'DELETE /api/v1/workflows/{id}',
    tag: 'workflows',
    summary: 'Archive a workflow for 30 days',
    params: id,
    query: z.strictObject({ cancel: z.stringbool().default(false) }),
    status: 204,
    reply: noReply,
    errors: ['not_found', 'still_running'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/unarchive',
    tag: 'workflows',
    summary: 'Take a workflow back out of the archive',
    description: 'Its triggers stand as they did; times that passed meanwhile are not made up for. After 30 days an archived workflow is gone.',
    params: id,
    status: 200,
    reply: workflow,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'PUT /api/v1/workflows/{id}/tags',
    tag: 'workflows',
    summary: 'Tag a workflow',
    description: 'In place of the tags it has. Tags belong to no version.',
    params: id,
    body: z.strictObject({ tags }),
    status: 200,
    reply: z.strictObject({ tags: z.array(z.string()) }),
    errors: ['invalid_body', 'not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/tags',
    tag: 'workflows',
    summary: 'Every tag in use, with how many workflows have it, by name',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(z.strictObject({ tag: z.string(), workflows: z.int() })),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/workflows/{id}/versions',
    tag: 'workflows',
    summary: 'List versions',
    params: id,
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(workflowVersion.omit({ definition: true })),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'GET /api/v1/workflows/{id}/versions/{n}',
    tag: 'workflows',
    summary: 'Read one version',
    description: 'A number below zero, the `version` of a test run, reads what that ran.',
    params: idAndAnyVersion,
    status: 200,
    reply: workflowVersion,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/versions/{n}/restore',
    tag: 'workflows',
    summary: 'Publish an old version again',
    params: idAndVersion,
    status: 200,
    reply: workflow,
    errors: ['not_found', 'invalid_graph'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/validate',
    tag: 'workflows',
    summary: 'Check a definition without saving it',
    body: definition,
    status: 200,
    reply: z.strictObject({ problems: z.array(problem) }),
    errors: ['invalid_body', 'too_large'],
  }),
] as const;
