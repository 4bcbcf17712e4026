/** Prepares a step's job in a process that does not hold its instance: from rows, with the same rights and the same evaluation. */
import type { CommandSpec } from '../contract/jobs.ts';
import { fail } from '../kernel/fail.ts';
import { readStoredInstance } from '../store/instances.ts';
import { loadSteps } from '../store/steps.ts';
import type { Core } from './core.ts';
import { commandOf } from './job-steps.ts';
import { liveFromRows } from './rebuild.ts';
import { loadVersion } from './versions.ts';

export async function prepareFromRows(
  core: Core,
  step: { readonly instanceId: string; readonly path: string; readonly generation: number; readonly attempt: number },
): Promise<{ readonly spec: CommandSpec; readonly redact: readonly string[] }> {
  const sql = core.parts.database.engine;
  const stored = await readStoredInstance(sql, { orgId: undefined, id: step.instanceId });
  if (stored === undefined) fail('not_found', `instance ${step.instanceId} is gone`);
  const { graph } = await loadVersion(core, stored);
  const live = liveFromRows(stored, graph, await loadSteps(sql, [step.instanceId]));
  const node = graph.byKey.get(step.path);
  const present = node === undefined ? undefined : live.steps[node.index];
  if (node === undefined || present?.generation !== step.generation || present.attempt !== step.attempt)
    fail('conflict', `step ${step.path} of ${step.instanceId} has moved on; its job of attempt ${step.attempt} is void`);
  return commandOf(core, live, node);
}
