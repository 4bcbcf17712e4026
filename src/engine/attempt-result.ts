/** What follows from what a node gave back: its output, a wait, a call of another workflow, the end of the instance, or a failure. */
import { randomBytes } from 'node:crypto';
import type { Json } from '../contract/endpoint.ts';
import { AppError } from '../kernel/fail.ts';
import { NodeError, type NodeResult, type NodeWait } from '../nodes/kit.ts';
import type { StoredWait } from '../store/stored-steps.ts';
import { endInstance, noteActivity, stageLog } from './advance.ts';
import type { Gained, Trial } from './attempt.ts';
import { failure } from './core.ts';
import { failureOf, finish, releaseHeld } from './finish.ts';
import { outputOf, pathOf, type Frame, type LiveStep } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { keepLarge } from './keep-large.ts';
import { isTooLarge } from './limits.ts';
import { noRedaction } from './redaction.ts';
import { retryLater } from './retry-step.ts';
import { flush, stageStep, type StepChange } from './stage.ts';
import { armTimer, boundedWait } from './timers.ts';

/** The parts of a change that every end of an attempt has. */
function commonOf(trial: Trial): Pick<StepChange, 'attempt' | 'startedAt' | 'input' | 'wait' | 'error'> {
  return { attempt: trial.attempt, startedAt: trial.startedAt, input: trial.inputText, wait: null, error: null };
}

export function onResult(trial: Trial, result: Gained): void {
  const { core, frame } = trial;
  switch (result.kind) {
    case 'cached':
      return finish(core, frame, trial.node, trial.step, { ...result.change, input: trial.inputText }, false);
    case 'output':
      return onOutput(trial, result);
    case 'wait':
      stageLog(core, frame.live, trial.lines);
      return waitFor(trial, result.wait);
    case 'call':
      stageLog(core, frame.live, trial.lines);
      // The child keeps its input as it is, and would not know what to hide.
      if (!trial.redaction.isEmpty) return onFailure(trial, secretHandedOn(trial));
      return core.turns.callWorkflow(trial, result);
    case 'end':
      stageLog(core, frame.live, trial.lines);
      return endBy(trial, result);
  }
}

function secretHandedOn({ frame, node }: Trial): NodeError {
  const message = `${pathOf(frame, node)} can not hand secrets to the workflow it calls; let that one read them by name`;
  return new NodeError('secret_use', message, { final: true });
}

function onOutput(trial: Trial, result: Extract<NodeResult, { kind: 'output' }>): void {
  const { core, frame, node, step, redaction } = trial;
  const output = redaction.isEmpty ? result.output : redaction.json(result.output);
  const text = JSON.stringify(output) ?? 'null';
  const change = (value: Json, outputText: string): StepChange => ({
    ...commonOf(trial),
    status: 'completed',
    output: value,
    hasOutput: true,
    outputText,
    port: result.port ?? null,
    reason: result.reason === undefined ? null : redaction.text(result.reason),
    endedAt: core.clock.now(),
  });
  stageLog(core, frame.live, trial.lines);
  if (!isTooLarge(text)) return finish(core, frame, node, step, change(output, text), trial.isPure);
  keepLarge(core, frame, node, step, text, {
    kept: (reference) => finish(core, frame, node, step, change(reference, JSON.stringify(reference)), false),
    failed: (error) => onFailure(trial, error),
  });
}

function waitFor(trial: Trial, wait: NodeWait): void {
  const { core, frame, node, step } = trial;
  stageStep(core, frame, node, step, { ...commonOf(trial), status: 'waiting', wait: storedWait(trial, wait) });
  noteActivity(core, frame.live);
  flush(core, frame.live, (lost) => void (lost === undefined && armTimer(core, frame, node)));
  releaseHeld(core, frame.live);
}

function storedWait(trial: Trial, wait: NodeWait): StoredWait {
  const { core, node, startedAt, redaction } = trial;
  const now = core.clock.now();
  switch (wait.kind) {
    case 'timer': {
      const until = 'until' in wait ? wait.until : now + wait.afterMs;
      return boundedWait(node, startedAt, { kind: 'timer', message: `waits until ${new Date(until).toISOString()}` }, { until, timesOut: false });
    }
    case 'again':
      return boundedWait(
        node,
        startedAt,
        { kind: 'poll', message: redaction.text(wait.message), state: redaction.json(wait.state) },
        { until: now + wait.afterMs, timesOut: false },
      );
    case 'webhook':
    case 'approval':
      return boundedWait(
        node,
        startedAt,
        {
          kind: wait.kind,
          message: redaction.text(wait.message),
          state: redaction.json(wait.state),
          ...(wait.kind === 'webhook' ? { token: trial.token ?? `cb_${randomBytes(24).toString('base64url')}` } : {}),
        },
        endOfWait(trial, wait.timeoutMs),
      );
  }
}

function endOfWait({ startedAt, until }: Trial, timeoutMs: number | undefined): { readonly until: number; readonly timesOut: true } | undefined {
  if (until !== undefined) return { until, timesOut: true };
  return timeoutMs === undefined ? undefined : { until: startedAt + timeoutMs, timesOut: true };
}

/** A stop or fail node: its own step first, then the instance. A `fail` inside a body fails its item. */
function endBy(trial: Trial, result: Extract<NodeResult, { kind: 'end' }>): void {
  const { core, frame, node, step, redaction } = trial;
  const { live } = frame;
  const now = core.clock.now();
  const common = commonOf(trial);
  if (result.status === 'failed') {
    const error = failure(result.code, redaction.text(result.message), { step: pathOf(frame, node) });
    if (frame.place !== undefined) return finish(core, frame, node, step, { ...common, status: 'failed', error, endedAt: now }, false);
    stageStep(core, frame, node, step, { ...common, status: 'failed', error, endedAt: now });
    return endInstance(core, live, { status: 'failed', error });
  }
  const output = result.output === undefined ? undefined : redaction.json(result.output);
  const end = (value: Json | undefined, outputText: string): void => {
    stageStep(core, frame, node, step, { ...common, status: 'completed', output: value ?? {}, hasOutput: true, outputText, endedAt: now });
    endInstance(core, live, { status: 'completed', output: value ?? outputOfOthers(live.top, node) });
  };
  const text = JSON.stringify(output ?? {});
  if (!isTooLarge(text)) return end(output, text);
  keepLarge(core, frame, node, step, text, {
    kept: (reference) => end(reference, JSON.stringify(reference)),
    failed: (error) => onFailure(trial, error),
  });
}

/** The instance's output when a stop gives none: of the nodes without successors, the stop itself left out. */
function outputOfOthers(top: Frame, stop: CompiledNode): Json {
  const others = top.graph.leaves.filter((node) => node !== stop && top.steps[node.index]?.hasOutput === true);
  if (others.length === top.graph.leaves.length) return outputOf(top);
  const [only, ...more] = others;
  if (only === undefined) return null;
  if (more.length === 0) return top.steps[only.index]?.output ?? null;
  return Object.fromEntries(others.map((node) => [node.key, top.steps[node.index]?.output ?? null]));
}

/** A failed attempt: tried again when the policy says so, else the step has failed. */
export function onFailure(trial: Trial, error: unknown): void {
  const { core, frame, node, redaction } = trial;
  if (!(error instanceof NodeError || error instanceof AppError)) {
    // What it says may be made of params, and so of secrets: the log gets it masked.
    const cause = redaction.text(error instanceof Error ? (error.stack ?? error.message) : String(error));
    core.log.error({ instanceId: frame.live.id, path: pathOf(frame, node), type: node.type.type, cause }, 'a node crashed');
  }
  stageLog(core, frame.live, trial.lines);
  failAttempt(trial, error);
}

/** @param trial an attempt, or what is known of one that waited */
export function failAttempt(
  trial: Pick<Trial, 'core' | 'frame' | 'node' | 'step' | 'attempt' | 'startedAt' | 'inputText' | 'redaction'>,
  error: unknown,
): void {
  const { core, frame, node, step, attempt, startedAt, redaction } = trial;
  const fault = failureOf(error, redaction);
  const status = error instanceof NodeError && error.code === 'timeout' ? 'timed_out' : 'failed';
  const isFinal = error instanceof NodeError && error.final;
  if (retryLater(core, frame, node, step, { attempt, status, error: fault, isFinal, startedAt, jobId: null, input: trial.inputText }))
    return releaseHeld(core, frame.live);
  finish(core, frame, node, step, { status, attempt, startedAt, input: trial.inputText, error: fault, wait: null, endedAt: core.clock.now() }, false);
}

/** What a step that waited is to `failAttempt`. */
export function failWaiting(trial: Pick<Trial, 'core' | 'frame' | 'node'> & { readonly step: LiveStep }, error: NodeError): void {
  const { step } = trial;
  failAttempt(
    { ...trial, attempt: Math.max(1, step.attempt), startedAt: step.startedAt ?? trial.core.clock.now(), inputText: undefined, redaction: noRedaction },
    error,
  );
}
