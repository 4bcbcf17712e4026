/** Workflows, their drafts and versions. */
import type { Json } from '../../contract/endpoint.ts';
import type { Definition } from '../../contract/graph.ts';
import { workflowEndpoints, type Workflow } from '../../contract/workflows.ts';
import type { Subject } from '../../engine/validate-outer.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Publisher } from '../../engine/workflow-commands.ts';
import { fail } from '../../kernel/fail.ts';
import { listTags } from '../../store/workflow-tags.ts';
import { listVersions, readVersion } from '../../store/workflow-versions.ts';
import { draftEtag } from '../../store/workflow-drafts.ts';
import { listWorkflows, readWorkflow, readWorkflowHead, type WorkflowHead } from '../../store/workflows.ts';
import { pageOf } from '../pages.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export interface WorkflowParts {
  readonly engine: Pick<
    Engine,
    'createWorkflow' | 'publishWorkflow' | 'restoreVersion' | 'saveDraft' | 'archiveWorkflow' | 'unarchiveWorkflow' | 'tagWorkflow' | 'problemsOf'
  >;
}

type AnyCall = Pick<Call, 'caller' | 'sql' | 'requestId' | 'cursor'>;

export function workflowRoutes({ engine }: WorkflowParts): readonly Route[] {
  return routesOf(workflowEndpoints, {
    'POST /api/v1/workflows': async (call) => {
      const { name, description, tags, ...definition } = call.body;
      const id = await engine.createWorkflow({ ...publisherOf(call), id: call.newId('wf'), name, description, tags, definition });
      const reply = await workflowReply(call, id);
      return { ...reply, headers: { ...reply.headers, location: `/api/v1/workflows/${id}` } };
    },
    'GET /api/v1/workflows': async (call) => {
      const cursor = await call.cursor();
      const { limit, after, search, tag, archived } = call.query;
      const found = await listWorkflows(call.sql, { orgId: call.caller.orgId, search, tag, archived, after, limit: limit + 1 });
      return { body: pageOf(found, { limit, after: (workflow) => workflow.id, cursor }) };
    },
    'GET /api/v1/workflows/{id}': (call) => workflowReply(call, call.params.id),
    'PUT /api/v1/workflows/{id}': async (call) => {
      const { name, description, tags, ...definition } = call.body;
      await engine.publishWorkflow({ ...publisherOf(call), workflowId: call.params.id, ifMatch: call.header('if-match'), name, description, tags, definition });
      return workflowReply(call, call.params.id);
    },
    'GET /api/v1/workflows/{id}/draft': async (call) => {
      const head = await requireHead(call, call.params.id);
      const draft = head.draft === null ? await draftOfVersion(call, head) : (head.draft as unknown as Draft);
      const etag = draftEtag(head.draftRevision);
      return {
        body: {
          draft,
          problems: [...(await engine.problemsOf(draft.definition, subjectOf(call, call.params.id)))],
          savedAt: head.draftSavedAt?.toISOString() ?? null,
          etag,
        },
        headers: { etag },
      };
    },
    'PUT /api/v1/workflows/{id}/draft': async (call) => {
      const { etag, savedAt } = await engine.saveDraft({
        orgId: call.caller.orgId,
        workflowId: call.params.id,
        draft: call.body as unknown as Json,
        ifMatch: call.header('if-match'),
        requestId: call.requestId,
      });
      return {
        body: {
          draft: call.body,
          problems: [...(await engine.problemsOf(call.body.definition, subjectOf(call, call.params.id)))],
          savedAt: savedAt.toISOString(),
          etag,
        },
        headers: { etag },
      };
    },
    'DELETE /api/v1/workflows/{id}': async (call) => {
      await engine.archiveWorkflow({ orgId: call.caller.orgId, workflowId: call.params.id, cancel: call.query.cancel, requestId: call.requestId });
      return { body: undefined };
    },
    'POST /api/v1/workflows/{id}/unarchive': async (call) => {
      await engine.unarchiveWorkflow({ orgId: call.caller.orgId, workflowId: call.params.id, requestId: call.requestId });
      return workflowReply(call, call.params.id);
    },
    'PUT /api/v1/workflows/{id}/tags': async (call) => ({
      body: {
        tags: [...(await engine.tagWorkflow({ orgId: call.caller.orgId, workflowId: call.params.id, tags: call.body.tags, requestId: call.requestId }))],
      },
    }),
    'GET /api/v1/tags': async (call) => {
      const cursor = await call.cursor();
      const { limit, after } = call.query;
      return { body: pageOf(await listTags(call.sql, { orgId: call.caller.orgId, after, limit: limit + 1 }), { limit, after: ({ tag }) => tag, cursor }) };
    },
    'GET /api/v1/workflows/{id}/versions': async (call) => {
      const cursor = await call.cursor();
      const { limit, after } = call.query;
      await requireHead(call, call.params.id);
      const found = await listVersions(call.sql, {
        orgId: call.caller.orgId,
        workflowId: call.params.id,
        before: after === undefined ? undefined : wholeNumber(after),
        limit: limit + 1,
      });
      return { body: pageOf(found, { limit, after: (version) => String(version.version), cursor }) };
    },
    'GET /api/v1/workflows/{id}/versions/{n}': async (call) => {
      const found = await readVersion(call.sql, { orgId: call.caller.orgId, workflowId: call.params.id, version: call.params.n });
      return { body: found ?? fail('not_found', `workflow ${call.params.id} has no version ${call.params.n}`) };
    },
    'POST /api/v1/workflows/{id}/versions/{n}/restore': async (call) => {
      await engine.restoreVersion({ ...publisherOf(call), workflowId: call.params.id, version: call.params.n });
      return workflowReply(call, call.params.id);
    },
    'POST /api/v1/workflows/validate': async (call) => ({ body: { problems: [...(await engine.problemsOf(call.body as unknown as Json, subjectOf(call)))] } }),
  });
}

interface Draft {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly definition: Json;
}

/** On whose behalf a definition changes. */
export function publisherOf(call: AnyCall): Publisher {
  return { orgId: call.caller.orgId, userId: call.caller.userId, role: call.caller.role, requestId: call.requestId };
}

function subjectOf({ caller }: AnyCall, workflowId?: string): Subject {
  return { orgId: caller.orgId, userId: caller.userId, role: caller.role, workflowId };
}

/** The workflow as it stands now. */
export async function workflowReply(call: AnyCall, id: string): Promise<{ readonly body: Workflow; readonly headers: Record<string, string> }> {
  const cursor = await call.cursor();
  const workflow = await readWorkflow(call.sql, { orgId: call.caller.orgId, id, cursor });
  if (workflow === undefined) fail('not_found', `there is no workflow ${id}`);
  return { body: workflow, headers: { etag: workflow.etag } };
}

async function requireHead(call: AnyCall, id: string): Promise<WorkflowHead> {
  const head = await readWorkflowHead(call.sql, { orgId: call.caller.orgId, id, lock: false });
  return head ?? fail('not_found', `there is no workflow ${id}`);
}

/** Without a draft, the editor starts from what is published. */
async function draftOfVersion(call: AnyCall, head: WorkflowHead): Promise<Draft> {
  const version = await readVersion(call.sql, { orgId: call.caller.orgId, workflowId: head.id, version: head.version });
  const empty: Definition = { nodes: [], edges: [] };
  return { name: head.name, description: head.description, definition: (version?.definition ?? empty) as unknown as Json };
}

function wholeNumber(text: string): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= 0 && number <= 2_147_483_647
    ? number
    : fail('invalid_query', `after is "${text}", which no page before gave; leave it out to start from the beginning`);
}
