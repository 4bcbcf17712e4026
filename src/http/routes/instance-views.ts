/** The page of an instance, in one answer. */
import { instanceViewEndpoints, type StepOutline } from '../../contract/instance-views.ts';
import type { Definition, GraphNode } from '../../contract/graph.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { fail } from '../../kernel/fail.ts';
import { readInstance } from '../../store/instance-rows.ts';
import { listPastTries, readStepOutlines } from '../../store/step-outlines.ts';
import { countItems } from '../../store/steps.ts';
import { readVersion } from '../../store/workflow-versions.ts';
import { routesOf, type Call, type Route } from '../route.ts';
import { withReasons } from '../wait-reasons.ts';

export function instanceViewRoutes({ jobs }: { readonly jobs: Pick<Jobs, 'explain'> }): readonly Route[] {
  return routesOf(instanceViewEndpoints, {
    'GET /api/v1/instances/{id}/view': async (call) => {
      const { orgId } = call.caller;
      const { id } = call.params;
      const cursor = await call.cursor();
      const of = { orgId, instanceId: id };
      // The instance first: a step may be newer than what its page says, never older.
      const instance = (await readInstance(call.sql, { orgId, id, cursor })) ?? fail('not_found', `there is no instance ${id}`);
      const [version, steps, tries] = await Promise.all([
        readVersion(call.sql, { orgId, workflowId: instance.workflowId, version: instance.version }),
        readStepOutlines(call.sql, of),
        listPastTries(call.sql, of),
      ]);
      if (version === undefined) fail('not_found', `version ${instance.version} of ${instance.workflowId}, which instance ${id} ran, is gone`);
      const [explained, items] = await Promise.all([withReasons(call, jobs, steps), itemsOf(call, of, begunBodies(version.definition, steps))]);
      return { body: { instance, definition: version.definition, steps: [...explained], tries, items } };
    },
  });
}

async function itemsOf(call: Pick<Call, 'sql'>, of: { readonly orgId: string; readonly instanceId: string }, paths: readonly string[]) {
  return Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await countItems(call.sql, { ...of, path })] as const)));
}

/** Maps and loops whose turn has come. */
function begunBodies(definition: Definition, steps: readonly StepOutline[]): readonly string[] {
  const holders = new Set(definition.nodes.filter(holdsBody).map((node) => node.key));
  return steps.filter((step) => holders.has(step.path) && step.status !== 'skipped').map((step) => step.path);
}

function holdsBody(node: GraphNode): boolean {
  const body = node.params?.['body'];
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}
