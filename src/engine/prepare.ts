/** Prepares a step's job in a process that does not hold its instance: from rows, with the same rights and the same evaluation. */
import type { CommandSpec } from '../contract/command.ts';
import { fail } from '../kernel/fail.ts';
import { keyOfPath } from '../store/steps.ts';
import type { Core } from './core.ts';
import { commandOf } from './job-steps.ts';
import type { CompiledNode } from './graph.ts';
import type { Frame, LiveStep } from './frame.ts';
import type { Live } from './live.ts';
import { liveFromRows } from './rebuild.ts';
import { restoreBody } from './recover-bodies.ts';
import { parsePath } from './step-path.ts';
import { loadVersion } from './versions.ts';

export async function prepareFromRows(
  core: Core,
  step: { readonly instanceId: string; readonly path: string; readonly generation: number; readonly attempt: number },
): Promise<{ readonly spec: CommandSpec; readonly redact: readonly string[] }> {
  const stored = await core.store.readStoredInstance({ orgId: undefined, id: step.instanceId });
  if (stored === undefined) fail('not_found', `instance ${step.instanceId} is gone`);
  const { graph } = await loadVersion(core, stored);
  const live = liveFromRows(stored, graph, await core.store.loadSteps([step.instanceId]));
  const frame = await frameAt(core, live, step.path);
  const node = frame?.graph.byKey.get(keyOfPath(step.path));
  const present = node === undefined ? undefined : frame?.steps[node.index];
  if (frame === undefined || node === undefined || present?.generation !== step.generation || present.attempt !== step.attempt)
    fail('conflict', `step ${step.path} of ${step.instanceId} has moved on; its job of attempt ${step.attempt} is void`);
  return commandOf(core, frame, node);
}

/** The frame of a step under way, brought back from rows and left to itself. */
async function frameAt(core: Core, live: Live, path: string): Promise<Frame | undefined> {
  let frame: Frame | undefined = live.top;
  for (const part of parsePath(path)?.slice(0, -1) ?? []) {
    const node: CompiledNode | undefined = frame?.graph.byKey.get(part.key);
    const step: LiveStep | undefined = node === undefined ? undefined : frame?.steps[node.index];
    if (frame === undefined || node === undefined || step?.status !== 'running' || part.index === undefined) return undefined;
    frame = (await restoreBody(core, frame, node, step)).body.frames.get(part.index);
  }
  return frame;
}
