/** The catalogue of node types. Made once: it changes with the program only. */
import * as z from 'zod';
import { nodeTypeEndpoints, type NodeTypeView } from '../../contract/node-types.ts';
import type { NodeType, NodeTypes } from '../../nodes/kit.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function nodeTypeRoutes(types: NodeTypes): readonly Route[] {
  let views: readonly NodeTypeView[] | undefined;
  return routesOf(nodeTypeEndpoints, {
    'GET /api/v1/node-types': async (call) => {
      views ??= [...types.values()].map(viewOf);
      return { body: pageOfAll(views, { limit: call.query.limit, after: call.query.after, nameOf: (view) => view.type, cursor: await call.cursor() }) };
    },
  });
}

function viewOf(type: NodeType): NodeTypeView {
  return {
    type: type.type,
    version: type.version,
    title: type.title,
    summary: type.summary,
    category: type.category,
    runs: type.runs,
    // A type whose purity depends on params is shown as what it is without any.
    pure: type.runs === 'inline' && type.pure !== false,
    queue: type.runs === 'job' ? type.queue : null,
    inputs: [...type.inputs],
    outputs: [...type.outputs],
    dynamicOutputs: type.portsOf !== undefined,
    requires: type.requires ?? 'user',
    params: z.toJSONSchema(type.params, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>,
    docs: type.docs,
    example: type.example,
  };
}
