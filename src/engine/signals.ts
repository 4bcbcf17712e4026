/** Signals to waiting steps: a callback, a decision, a timeout. The node's type says what they mean; each is durable before it is answered. */
import { NodeError, type InlineNodeType, type NodeResult, type Signal } from '../nodes/kit.ts';
import { AppError } from '../kernel/fail.ts';
import { failWaiting, onResult } from './attempt-result.ts';
import type { Core } from './core.ts';
import { dropInFlight } from './advance.ts';
import { pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { noRedaction } from './redaction.ts';

/** Hands a signal to the type of a waiting step and goes on with what it says.
 *  @throws AppError illegal_transition, forbidden when the type refuses the signal: the step waits on */
export function signalStep(core: Core, frame: Frame, node: CompiledNode, step: LiveStep, signal: Signal): void {
  const type = node.type as InlineNodeType;
  let result: NodeResult;
  try {
    if (type.resume === undefined) throw new NodeError('refused', `step ${pathOf(frame, node)} does not wait for anybody`);
    result = type.resume(signal, step.wait?.state ?? null);
  } catch (error) {
    if (error instanceof NodeError && error.code === 'refused') throw new AppError('illegal_transition', { message: error.message, cause: error });
    if (error instanceof NodeError && error.code === 'forbidden') throw new AppError('forbidden', { message: error.message, cause: error });
    if (!(error instanceof NodeError)) throw error;
    dropInFlight(core, frame, node, 'it has ended', { jobIds: [], childIds: [] });
    return failWaiting({ core, frame, node, step }, error);
  }
  dropInFlight(core, frame, node, 'a signal came', { jobIds: [], childIds: [] });
  const { token, until } = step.wait ?? {};
  onResult(
    {
      core,
      frame,
      node,
      step,
      attempt: Math.max(1, step.attempt),
      startedAt: step.startedAt ?? core.clock.now(),
      redaction: noRedaction,
      inputText: undefined,
      isPure: false,
      idempotencyKey: undefined,
      lines: [],
      lineCount: 0,
      run: undefined,
      token,
      until: until === undefined ? undefined : Date.parse(until),
    },
    result,
  );
}
