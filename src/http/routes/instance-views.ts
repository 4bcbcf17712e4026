/** The page of an instance: what it shows at first, in one answer, and the parts of long maps as they come into sight. */
import type { Definition, GraphNode } from '../../contract/graph.ts';
import { instanceViewEndpoints, type StepOutline } from '../../contract/instance-views.ts';
import type { Instance } from '../../contract/instances.ts';
import { stepStatuses, type StepStatus } from '../../contract/values.ts';
import type { Jobs } from '../../jobs/jobs.ts';
import { fail } from '../../kernel/fail.ts';
import { listPastTries, readStepOutlines } from '../../store/step-outlines.ts';
import { countItems, listItemIndexes, readItemOutlines, readItemTotals, readStepsOfItem } from '../../store/step-windows.ts';
import { readVersion } from '../../store/workflow-versions.ts';
import { statusesOf } from '../filters.ts';
import { requireInstance } from '../require-instance.ts';
import { routesOf, type Call, type Route } from '../route.ts';
import { withReasons } from '../wait-reasons.ts';

/** Counting the items of a map with more takes longer than a page should wait for. */
const MOST_COUNTED = 1_000;
/** Of one answer. */
const MOST_ITEMS = 200;
const FIRST_ITEMS = Array.from({ length: MOST_ITEMS }, (_, index) => index);

export interface InstanceViewParts {
  readonly jobs: Pick<Jobs, 'explain'>;
  /** Under what traces have an instance; undefined: they have not. */
  readonly traceIdOf?: ((instanceId: string) => string | undefined) | undefined;
}

export function instanceViewRoutes({ jobs, traceIdOf }: InstanceViewParts): readonly Route[] {
  return routesOf(instanceViewEndpoints, {
    'GET /api/v1/instances/{id}/view': async (call) => {
      const { orgId } = call.caller;
      const of = { orgId, instanceId: call.params.id };
      // The instance first: a step may be newer than what its page says, never older.
      const instance = await requireInstance(call, call.params.id);
      const [definition, steps, tries] = await Promise.all([definitionOf(call, instance), readStepOutlines(call.sql, of), listPastTries(call.sql, of)]);
      const [explained, items] = await Promise.all([withReasons(call, jobs, steps), itemsOf(call, of, begunBodies(definition, steps))]);
      const traceId = traceIdOf?.(instance.id);
      return { body: { instance: traceId === undefined ? instance : { ...instance, traceId }, definition, steps: [...explained], tries, items } };
    },
    'GET /api/v1/instances/{id}/steps/{path}/outlines': async (call) => {
      const { id, path } = call.params;
      const isItem = path.endsWith(']');
      const indexes = indexesOf(call.query.items);
      const instance = await requireInstance(call, id);
      const keys = bodyKeys(await definitionOf(call, instance), path);
      const of = { orgId: call.caller.orgId, instanceId: id, path, keys };
      const found = await (isItem ? readStepsOfItem(call.sql, of) : readItemOutlines(call.sql, { ...of, indexes: indexes ?? FIRST_ITEMS }));
      return { body: { items: [...(await withReasons(call, jobs, found))] } };
    },
    'GET /api/v1/instances/{id}/steps/{path}/items/indexes': async (call) => {
      const { id, path } = call.params;
      const statuses = (statusesOf(call.query.status, stepStatuses) ?? stepStatuses) as readonly StepStatus[];
      await requireInstance(call, id);
      return { body: { indexes: await listItemIndexes(call.sql, { orgId: call.caller.orgId, instanceId: id, path, statuses }) } };
    },
  });
}

/** Of the version that it runs. */
async function definitionOf(call: Pick<Call, 'sql' | 'caller'>, { id, workflowId, version }: Instance): Promise<Definition> {
  const found = await readVersion(call.sql, { orgId: call.caller.orgId, workflowId, version });
  return found?.definition ?? fail('not_found', `version ${version} of ${workflowId}, which instance ${id} ran, is gone`);
}

async function itemsOf(call: Pick<Call, 'sql'>, of: { readonly orgId: string; readonly instanceId: string }, paths: readonly string[]) {
  if (paths.length === 0) return {};
  const totals = await readItemTotals(call.sql, { ...of, paths });
  const soonCounted = paths.filter((path) => (totals.get(path) ?? 0) <= MOST_COUNTED);
  return Object.fromEntries(await Promise.all(soonCounted.map(async (path) => [path, await countItems(call.sql, { ...of, path })] as const)));
}

/** Maps and loops whose turn has come. */
function begunBodies(definition: Definition, steps: readonly StepOutline[]): readonly string[] {
  const holders = new Set(definition.nodes.filter((node) => bodyOf(node) !== undefined).map((node) => node.key));
  return steps.filter((step) => holders.has(step.path) && step.status !== 'skipped').map((step) => step.path);
}

/** Keys of the nodes in the body of a map or loop; a path that ends with an item's number means the body that the item is of. */
function bodyKeys(definition: Definition, path: string): readonly string[] {
  const key = /([^/[\]]+)(\[\d+\])?$/.exec(path)?.[1];
  const open: GraphNode[] = [...definition.nodes];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const inside = bodyOf(node);
    if (inside === undefined) continue;
    if (node.key === key) return inside.map((each) => each.key);
    open.push(...inside);
  }
  return [];
}

function bodyOf(node: GraphNode): readonly GraphNode[] | undefined {
  const body = node.params?.['body'];
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const { nodes } = body;
  return Array.isArray(nodes) ? (nodes as unknown as readonly GraphNode[]) : [];
}

/** @throws AppError invalid_query */
function indexesOf(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const parts = text.split(',');
  if (parts.length > MOST_ITEMS || parts.some((part) => !/^\d{1,7}$/.test(part)))
    fail('invalid_query', `items: at most ${MOST_ITEMS} numbers with commas between them, such as 0,1,2.`);
  return parts.map(Number);
}
