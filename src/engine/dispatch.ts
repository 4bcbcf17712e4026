/** Starts ready steps: policy first (disabled, pinned, condition, rights), then inline attempts or jobs. Bounded: so many at once per instance
 *  and in all; the loop yields so that nothing else starves. Never decides what is ready (advance.ts). */
import { roles, type Role } from '../contract/values.ts';
import { isTruthy } from '../kernel/json.ts';
import { NodeError } from '../nodes/kit.ts';
import { PINNED_REASON } from '../store/steps.ts';
import { PASS_PORT } from './advance.ts';
import { startAttempt } from './attempt.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { failureOf, finish, occupy, releaseHeld, vacate } from './finish.ts';
import { holdSuspect } from './quarantine.ts';
import { holdForRelease } from './release.ts';
import type { Frame, LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { startJob } from './job-steps.ts';
import { startBody } from './bodies.ts';
import type { Live } from './live.ts';
import { patiently } from './patient.ts';
import { evaluateIn } from './large.ts';
import { flush } from './stage.ts';

/** Asynchronous attempts of all instances at once: sockets and files, not processor time. */
const MAX_RUNNING = 256;
/** Longest stretch of starting steps without letting the loop turn, ms. */
const SLICE_MS = 8;

/** Starts what is ready until nothing is, or limits are reached. */
export function pump(core: Core): void {
  if (core.isPumping || core.state === 'stopped') return;
  core.isPumping = true;
  const startedAt = core.clock.monotonic();
  let taken = 0;
  while (taken < core.ready.length && core.runningCount < MAX_RUNNING) {
    const next = core.ready[taken];
    taken += 1;
    if (next === undefined) continue;
    const { frame, node } = next;
    const { live } = frame;
    if (live.isGone || frame.isGone || frame.steps[node.index]?.status !== 'pending' || frame.running.has(node.index)) continue;
    if (live.status === 'paused' || core.state === 'draining' || live.runningCount >= live.graph.maxConcurrentSteps) live.held.push(next);
    else walled(core, live, () => begin(core, frame, node));
    if ((taken & 15) === 0 && core.clock.monotonic() - startedAt > SLICE_MS) break;
  }
  core.ready.splice(0, taken);
  core.isPumping = false;
  for (const live of core.toFlush) flush(core, live);
  core.toFlush.clear();
  if (core.ready.length > 0 && core.runningCount < MAX_RUNNING) setImmediate(() => pump(core));
}

function begin(core: Core, frame: Frame, node: CompiledNode): void {
  const step = frame.steps[node.index];
  if (step === undefined) return;
  if (node.node.disabled === true) {
    finish(core, frame, node, step, { status: 'skipped', reason: 'the node is disabled', port: PASS_PORT, endedAt: core.clock.now() }, true);
    return;
  }
  if (holdForRelease(core, frame, node, step)) return releaseHeld(core, frame.live);
  if (holdSuspect(core, frame, node, step)) return;
  const needsRole = (node.type.requires ?? 'user') !== 'user';
  if (node.condition === undefined && !needsRole) return proceed(core, frame, node, step);
  void guarded(core, frame, node, step, needsRole);
}

/** The slow way in: a condition or a right has to be asked for. */
async function guarded(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, needsRole: boolean): Promise<void> {
  const { live } = frame;
  const run = occupy(core, frame, node, step);
  let next: () => void;
  try {
    const holds = node.condition === undefined || isTruthy(await evaluateIn(core, frame, node.condition));
    if (holds && needsRole) await requireRole(core, live, node);
    const reason = `its condition is false: ${node.condition?.source ?? ''}`.slice(0, 500);
    next = () => (holds ? proceed(core, frame, node, step) : finish(core, frame, node, step, { status: 'skipped', reason, endedAt: core.clock.now() }, true));
  } catch (error) {
    next = () => finish(core, frame, node, step, { status: 'failed', error: failureOf(error), endedAt: core.clock.now() }, false);
  }
  if (vacate(core, frame, node, run)) walled(core, live, next);
}

function askRole(core: Core, orgId: string, userId: string): Promise<Role | undefined> {
  return patiently(core, () => core.store.readPrincipalRole({ orgId, userId }));
}

async function requireRole(core: Core, { orgId, principal }: Live, node: CompiledNode): Promise<void> {
  const needed = node.type.requires ?? 'user';
  const role = principal === null ? undefined : await askRole(core, orgId, principal);
  if (role !== undefined && roles.indexOf(role) >= roles.indexOf(needed)) return;
  const who = role === undefined ? 'whoever published this version is no member any more' : `whoever published this version is ${role} now`;
  throw new NodeError('forbidden', `"${node.type.type}" runs only for a ${needed}: ${who}; let a ${needed} publish the workflow`, { final: true });
}

function proceed(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): void {
  if (node.node.mock !== undefined) {
    const output = node.node.mock;
    return finish(
      core,
      frame,
      node,
      step,
      {
        status: 'completed',
        attempt: 1,
        output,
        hasOutput: true,
        port: node.type.portOf?.(output) ?? null,
        reason: PINNED_REASON,
        endedAt: core.clock.now(),
      },
      true,
    );
  }
  if (node.type.runs === 'job') startJob(core, frame, node, step);
  else if (node.type.runs === 'body') startBody(core, frame, node, step);
  else startAttempt(core, frame, node, step);
}
