/** Commands on one instance, run by its owner: pause, resume, cancel, retry, delete. Each is durable when it resolves. */
import { isTerminalInstance, isTerminalStep } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';
import { failpoint } from '../kernel/failpoint.ts';
import { deleteInstance as deleteRows } from '../store/instances.ts';
import { endInstance, goOn, noteActivity } from './advance.ts';
import type { Core } from './core.ts';
import { releaseHeld } from './finish.ts';
import type { CompiledNode } from './graph.ts';
import { openStep, type Live } from './live.ts';
import { isUndoneByRetry, rebuildPlan } from './rebuild.ts';
import { durable, stageInstance, stageStep } from './stage.ts';
import { requireInstanceState, type InstanceCommand } from './state.ts';

export async function runInstanceCommand(core: Core, live: Live, command: InstanceCommand, requestId: string): Promise<void> {
  requireInstanceState(live.id, live.status, command);
  live.requestId = requestId;
  await failpoint(`command.${command}`);
  // The failpoint may have waited: look again.
  requireInstanceState(live.id, live.status, command);
  switch (command) {
    case 'start':
      stageInstance(core, live, { status: 'running' });
      break;
    case 'pause':
      stageInstance(core, live, { status: 'paused' });
      break;
    case 'resume':
      stageInstance(core, live, { status: 'running' });
      noteActivity(core, live);
      releaseHeld(core, live);
      break;
    case 'cancel':
      endInstance(core, live, { status: 'cancelled' });
      break;
    case 'retry':
      await reopen(core, live, []);
      break;
  }
  await durable(core, live);
}

/** Opens a new generation of `nodes` and of everything that ended with the instance, sets it running again when it had ended, and goes on.
 *  @returns whether anything that follows `nodes` is still to be decided */
export async function reopen(core: Core, live: Live, nodes: readonly CompiledNode[]): Promise<void> {
  const hadEnded = isTerminalInstance(live.status);
  live.isGone = false;
  core.lives.set(live.id, live);
  if (hadEnded) stageInstance(core, live, { status: 'running' });
  const again = new Set(nodes);
  for (const node of live.graph.nodes) {
    const step = live.steps[node.index];
    if (step !== undefined && isUndoneByRetry(node, step)) again.add(node);
  }
  for (const node of again) {
    const step = openStep(live, node);
    // Its row says at once that it is to run: a crash right after must not forget it.
    if (step.staged === null) stageStep(core, live, node, step, { status: 'pending', queuedAt: core.clock.now() });
  }
  const decided = await rebuildPlan(core, live);
  if (live.isGone) return;
  const now = core.clock.now();
  for (const skip of decided.skipped) stageStep(core, live, skip.node, openStep(live, skip.node), { status: 'skipped', reason: skip.reason, endedAt: now });
  goOn(core, live, decided.ready, false);
}

/** Whether nothing that follows `node` has been decided. */
export function leadsOn(live: Live, node: CompiledNode): boolean {
  return node.outgoing.some((edge) => {
    const target = live.steps[edge.to];
    return target === undefined || (target.status === 'pending' && target.staged === null) || !isTerminalStep(target.status);
  });
}

/** Deletes an ended instance. @throws AppError still_running */
export async function deleteInstance(core: Core, request: { readonly orgId: string; readonly id: string; readonly requestId: string }): Promise<void> {
  const isDeleted = await core.parts.database.engine.transaction((sql) => deleteRows(sql, request));
  if (!isDeleted) fail('still_running', `instance ${request.id} has not ended; cancel it first`);
  core.parts.database.announce();
}
