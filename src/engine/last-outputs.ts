/** What the nodes of a workflow gave last: for completion in the editor, and to stand for what does not run in a test. Reads only. */
import type { Json } from '../contract/endpoint.ts';
import { definition as definitionShape, type Definition } from '../contract/graph.ts';
import type { LastOutput } from '../contract/test-runs.ts';
import { fail } from '../kernel/fail.ts';
import { listLastSteps, readInput, readOutputs, type LastStep } from '../store/last-outputs.ts';
import { readVersion } from '../store/workflow-versions.ts';
import { readWorkflowHead } from '../store/workflows.ts';
import type { Core } from './core.ts';
import { levelsOf, type Level } from './levels.ts';

const MAX_SHOWN_BYTES = 64 * 1024;
const MAX_ALL_SHOWN_BYTES = 2 * 1024 * 1024;

export interface LastOutputs {
  readonly items: readonly LastOutput[];
  readonly input: { readonly instanceId: string; readonly value: Json } | null;
}

/** What the nodes of the draft, or of the newest version, gave last. @throws AppError not_found */
export async function lastOutputs(core: Core, query: { readonly orgId: string; readonly workflowId: string }): Promise<LastOutputs> {
  const sql = core.parts.database.engine;
  const keys = new Map([...levelsOf(await shownDefinition(core, query), core.parts.nodeTypes).levels].flatMap(pathsOf));
  const { newest, steps } = await listLastSteps(sql, { ...query, paths: [...keys.keys()] });
  const { taken } = withinBudget(steps, MAX_SHOWN_BYTES, MAX_ALL_SHOWN_BYTES);
  const outputs = new Map((await readOutputs(sql, taken)).map((output, index) => [taken[index], output]));
  const input = newest === undefined ? undefined : await readInput(sql, { orgId: query.orgId, id: newest });
  return {
    items: steps.map((step) => ({
      key: keys.get(step.path) ?? step.path,
      path: step.path,
      status: step.status,
      output: outputs.get(step) ?? null,
      isLeftOut: !outputs.has(step),
      bytes: step.bytes,
      instanceId: step.instanceId,
      isTest: step.isTest,
      endedAt: step.endedAt?.toISOString() ?? null,
    })),
    input: newest === undefined || input === undefined ? null : { instanceId: newest, value: input },
  };
}

async function shownDefinition(core: Core, { orgId, workflowId }: { readonly orgId: string; readonly workflowId: string }): Promise<Definition> {
  const sql = core.parts.database.engine;
  const head = await readWorkflowHead(sql, { orgId, id: workflowId, lock: false });
  if (head === undefined) fail('not_found', `there is no workflow ${workflowId}`);
  const draft = definitionShape.safeParse((head.draft as { readonly definition?: unknown } | null)?.definition);
  if (draft.success) return draft.data;
  return (await readVersion(sql, { orgId, workflowId, version: head.version }))?.definition ?? { nodes: [], edges: [] };
}

/** The paths of a level's nodes, of the first item where it is a body, and their keys. */
function pathsOf(level: Level): (readonly [path: string, key: string])[] {
  const prefix = prefixOf(level);
  return level.nodes.map((node) => [`${prefix}${node.key}`, node.key] as const);
}

function prefixOf({ owner }: Level): string {
  return owner === undefined ? '' : `${prefixOf(owner.level)}${owner.node.key}[0]/`;
}

/** Steps whose outputs may be read: none above `each`, and no more than `all` together. */
export function withinBudget(
  steps: readonly LastStep[],
  each: number,
  all: number,
): { readonly taken: readonly LastStep[]; readonly left: readonly LastStep[] } {
  let held = 0;
  const taken: LastStep[] = [];
  const left: LastStep[] = [];
  for (const step of steps) {
    if (step.bytes > each || held + step.bytes > all) left.push(step);
    else {
      held += step.bytes;
      taken.push(step);
    }
  }
  return { taken, left };
}
