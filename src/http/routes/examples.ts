/** The example workflows. */
import { exampleEndpoints, type ExampleWorkflow } from '../../contract/examples.ts';
import { examples } from '../../engine/examples/list.ts';
import { levelsOf } from '../../engine/levels.ts';
import { fail } from '../../kernel/fail.ts';
import type { NodeTypes } from '../../nodes/kit.ts';
import { pageOfAll } from '../pages.ts';
import { routesOf, type Route } from '../route.ts';

export function exampleRoutes(nodeTypes: NodeTypes): readonly Route[] {
  const derived = (one: ExampleWorkflow): { needs: string[]; uses: string[] } => ({ needs: [...(one.needs ?? [])], uses: usesOf(one, nodeTypes) });
  return routesOf(exampleEndpoints, {
    'GET /api/v1/examples': async (call) => {
      const all = examples.map((one) => ({ id: one.id, group: one.group, title: one.title, summary: one.summary, ...derived(one) }));
      const { limit, after } = call.query;
      return { body: pageOfAll(all, { limit, after, nameOf: (one) => one.id, cursor: await call.cursor() }) };
    },
    'GET /api/v1/examples/{id}': (call) => {
      const found = examples.find((one) => one.id === call.params.id);
      if (found === undefined) fail('not_found', `there is no example "${call.params.id}"; GET /api/v1/examples lists them`);
      return { body: { ...found, ...derived(found) } };
    },
  });
}

function usesOf({ definition }: ExampleWorkflow, nodeTypes: NodeTypes): string[] {
  const types = levelsOf(definition, nodeTypes).levels.flatMap((level) => level.nodes.map((node) => node.type));
  return [...new Set([...types, ...(definition.triggers ?? []).map((trigger) => `trigger:${trigger.type}`)])];
}
