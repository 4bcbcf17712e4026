/** Test runs of drafts: what is asked for is derived (test-graph.ts), judged as if published by who asks, kept beside the versions, and started.
 *  Never touches the draft or a version. A definition whose start fails is swept with those that no instance names. */
import type { Json } from '../contract/endpoint.ts';
import type { Definition, Problem } from '../contract/graph.ts';
import type { Answered, StartTestRun } from '../contract/test-runs.ts';
import { listLastSteps, readOutputs, type LastStep } from '../store/last-outputs.ts';
import { insertTestDefinition } from '../store/test-definitions.ts';
import type { Core } from './core.ts';
import { isReference, type LargeReference } from './frame.ts';
import { withinBudget } from './last-outputs.ts';
import { isThere, requireAccepting, requireWorkflow, startInstance } from './start.ts';
import { buildTest, planTest, type Known, type TestRequest } from './test-graph.ts';
import { problemsOf, requireNone, type Publisher } from './workflow-commands.ts';

export interface TestRunRequest extends Publisher, StartTestRun {
  /** Of the instance. */
  readonly id: string;
  /** `id` was made for this request just now. */
  readonly isNew: boolean;
  readonly workflowId: string;
}

/** Outputs that stand for steps are copied into what runs; a definition of more is no help to anybody. */
const MAX_COPIED_BYTES = 8 * 1024 * 1024;

/** @throws AppError not_found, conflict (archived), invalid_graph, forbidden, invalid_body (input) */
export async function startTestRun(core: Core, request: TestRunRequest): Promise<{ readonly answered: readonly Answered[] }> {
  requireAccepting(core);
  const { orgId, workflowId, id } = request;
  await requireWorkflow(core, request);
  const types = core.parts.nodeTypes;
  const asked: TestRequest = { ...request, hasInput: request.input !== undefined };
  const plan = planTest(asked, types);
  if ('code' in plan) return requireNone([plan]) ?? { answered: [] };
  const unknown = [...plan.standIns.keys()].filter((key) => request.pinned[key] === undefined && mockOf(request.definition, key) === undefined);
  const test = buildTest(asked, plan, await lastOf(core, { orgId, workflowId, instanceId: id, keys: unknown }), types);
  requireNone(test.lacking);
  requireNone((await problemsOf(core, test.definition as unknown as Json, request)).map((problem) => placedIn(request.definition, test.definition, problem)));
  if (request.isNew || !(await isThere(core, orgId, id))) {
    const at = new Date(core.clock.now());
    const version = await insertTestDefinition(core.parts.database.engine, { orgId, workflowId, definition: test.definition, runBy: request.userId, at });
    const { input, userId: starter, requestId, isNew } = request;
    await startInstance(core, { id, isNew, orgId, workflowId, input, version, isTest: true, startedBy: 'test', starter, requestId });
  }
  return { answered: test.answered };
}

function mockOf(definition: Definition, key: string): Json | undefined {
  return definition.nodes.find((node) => node.key === key)?.mock;
}

/** The problem with its path in the draft, where its node stands elsewhere. */
function placedIn(draft: Definition, test: Definition, problem: Problem): Problem {
  const path = problem.path.replace(/^nodes\[(\d+)\]/, (whole, index: string) => {
    const at = draft.nodes.findIndex((node) => node.key === test.nodes[Number(index)]?.key);
    return at < 0 ? whole : `nodes[${at}]`;
  });
  return { ...problem, path };
}

/** What these nodes of the workflow gave last. Results that are kept as artifacts are shared with the instance that is to read them. */
async function lastOf(
  core: Core,
  query: { readonly orgId: string; readonly workflowId: string; readonly instanceId: string; readonly keys: readonly string[] },
): Promise<ReadonlyMap<string, Known>> {
  if (query.keys.length === 0) return new Map();
  const { orgId, workflowId, instanceId } = query;
  const sql = core.parts.database.engine;
  const { steps } = await listLastSteps(sql, { orgId, workflowId, paths: query.keys });
  const { taken, left } = withinBudget(steps, MAX_COPIED_BYTES, MAX_COPIED_BYTES);
  const outputs = await readOutputs(sql, taken);
  const known = new Map<string, Known>();
  for (const [index, step] of taken.entries()) {
    const output = outputs[index] ?? null;
    // Serial: few are kept as artifacts.
    known.set(step.path, { ...knownOf(step), output: isReference(output) ? await share(core, { orgId, instanceId, path: step.path, output }) : output });
  }
  for (const step of left) known.set(step.path, { ...knownOf(step), output: null, tooLargeBytes: step.bytes });
  return known;
}

function knownOf(step: LastStep): Omit<Known, 'output'> {
  return { instanceId: step.instanceId, isSkipped: step.status === 'skipped', port: step.port };
}

async function share(core: Core, of: { readonly orgId: string; readonly instanceId: string; readonly path: string; readonly output: Json }): Promise<Json> {
  const { orgId, instanceId, path } = of;
  const { sha256, bytes } = (of.output as unknown as LargeReference).$artifact;
  return { $artifact: { ...(await core.parts.large.share({ orgId, instanceId, path, sha256, bytes })) } };
}
