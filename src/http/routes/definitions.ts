/** Definitions as documents: comparing versions, taking them out, bringing them in, copying. */
import { definitionEndpoints, workflowDocument, type WorkflowDocument } from '../../contract/definitions.ts';
import type { Json } from '../../contract/endpoint.ts';
import type { Engine } from '../../engine/engine.ts';
import { documentText, parseDocument } from '../document.ts';
import { parseBy, readBody } from '../parse.ts';
import { routesOf, type Route } from '../route.ts';
import { publisherOf, workflowReply } from './workflows.ts';

export interface DefinitionParts {
  readonly engine: Pick<Engine, 'copyWorkflow' | 'importWorkflow' | 'exportWorkflow' | 'diffVersions' | 'compareDefinitions'>;
}

export function definitionRoutes({ engine }: DefinitionParts): readonly Route[] {
  return routesOf(definitionEndpoints, {
    'GET /api/v1/workflows/{id}/diff': async (call) => ({
      body: await engine.diffVersions({ orgId: call.caller.orgId, workflowId: call.params.id, from: call.query.from, to: call.query.to }),
    }),
    'POST /api/v1/workflows/compare': async (call) => ({ body: engine.compareDefinitions(call.body.before, call.body.after) }),
    'GET /api/v1/workflows/{id}/export': async (call) => {
      const { format, version } = call.query;
      const document = await engine.exportWorkflow({ orgId: call.caller.orgId, workflowId: call.params.id, version });
      return new Response(await documentText(document as unknown as Json, format), { headers: fileHeaders(document.name, format) });
    },
    'POST /api/v1/workflows/import': async (call) => {
      const read = await parseDocument(await readBody(call.request), call.request.headers, call.signal);
      const document = parseBy(workflowDocument, read, 'body') as WorkflowDocument;
      const { as, dryRun } = call.query;
      const done = await engine.importWorkflow({ ...publisherOf(call), id: call.newId('wf'), document, as, dryRun });
      const body = { ...done, problems: [...done.problems], triggersOff: [...done.triggersOff], remapped: [...done.remapped] };
      return done.workflowId === null ? { status: 200, body } : { body, headers: { location: `/api/v1/workflows/${done.workflowId}` } };
    },
    'POST /api/v1/workflows/{id}/copy': async (call) => {
      const id = call.newId('wf');
      await engine.copyWorkflow({ ...publisherOf(call), id, workflowId: call.params.id, name: call.body.name });
      const reply = await workflowReply(call, id);
      return { ...reply, headers: { ...reply.headers, location: `/api/v1/workflows/${id}` } };
    },
  });
}

/** A download, named after the workflow. */
function fileHeaders(name: string, format: 'json' | 'yaml'): Record<string, string> {
  const plain = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 80);
  return {
    'content-type': `application/${format}; charset=utf-8`,
    'content-disposition': `attachment; filename="${plain === '' ? 'workflow' : plain}.${format}"`,
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
  };
}
