/** One attempt of an inline step: evaluates params, runs the node under a timeout and a signal, and hands what comes back to
 *  attempt-result.ts. Synchronous from end to end when nothing needs waiting: the common step costs no turn of the loop. */
import { NodeError, type InlineNodeType, type NodeResult } from '../nodes/kit.ts';
import { stageLog } from './advance.ts';
import { contextOf, openRun } from './attempt-context.ts';
import { onFailure, onResult } from './attempt-result.ts';
import { fromCache, idempotencyKeyOf } from './cache.ts';
import type { Core } from './core.ts';
import { walled } from './fault.ts';
import { vacate } from './finish.ts';
import { isCurrent, stepName, type Frame, type LiveStep, type Running } from './frame.ts';
import type { CompiledNode } from './graph.ts';
import { largeScope } from './large.ts';
import { fixedOf, parseParams, resolveParams, shortened, type Fixed } from './params.ts';
import { noRedaction, redactionOf, type Redaction } from './redaction.ts';
import type { Resolved } from './resolve.ts';
import { flush, stageStep, type StepChange } from './stage.ts';

/** An inline step without a limit of its own. */
const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** After this long an inline step in flight is shown as running; most have ended before. */
const SLOW_MS = 300;
const LOG_FLUSH_MS = 500;

/** What an attempt carries along. */
export interface Trial {
  readonly core: Core;
  readonly frame: Frame;
  readonly node: CompiledNode;
  readonly step: LiveStep;
  readonly attempt: number;
  readonly startedAt: number;
  redaction: Redaction;
  inputText: string | undefined;
  isPure: boolean;
  /** The node's policy, evaluated. */
  idempotencyKey: string | undefined;
  readonly lines: { path: string; generation: number; attempt: number; at: number; line: string }[];
  lineCount: number;
  run: Running | undefined;
  /** Of a step that waits on: its callback keeps its URL, and its wait the end that it had. */
  readonly token?: string | undefined;
  readonly until?: number | undefined;
}

export function startAttempt(core: Core, frame: Frame, node: CompiledNode, step: LiveStep): void {
  const trial: Trial = {
    core,
    frame,
    node,
    step,
    attempt: step.attempt + 1,
    // Gone on with, or in flight at a crash: it began when its row says.
    startedAt: step.state === undefined && step.staged !== 'running' ? core.clock.now() : (step.startedAt ?? core.clock.now()),
    redaction: noRedaction,
    inputText: undefined,
    isPure: false,
    idempotencyKey: undefined,
    lines: [],
    lineCount: 0,
    run: undefined,
  };
  let result: Gained | Promise<Gained>;
  try {
    const resolved = fixedOf(node) ?? resolveParams(core, frame, node);
    if (resolved instanceof Promise) {
      const { signal } = openRun(trial).abort;
      result = resolved.then((value) => {
        // It may have been cancelled, or lost to another process, while its params were evaluated.
        signal.throwIfAborted();
        return runNode(trial, value);
      });
    } else result = runNode(trial, resolved);
  } catch (error) {
    const { run } = trial;
    if (run === undefined || vacate(core, frame, node, run)) onFailure(trial, error);
    return;
  }
  if (!(result instanceof Promise)) return atOnce(trial, result);
  const run = openRun(trial);
  void watch(trial, run, result);
}

/** A result without waiting. It may have asked for its signal all the same. */
function atOnce(trial: Trial, result: Gained): void {
  const { core, frame, node, run } = trial;
  if (run === undefined || vacate(core, frame, node, run)) onResult(trial, result);
}

/** What an attempt brings: the node's result, or one that was made before. */
export type Gained = NodeResult | { readonly kind: 'cached'; readonly change: StepChange };

function runNode(trial: Trial, resolved: Resolved | Fixed): Gained | Promise<Gained> {
  const { node } = trial;
  const type = node.type as InlineNodeType;
  trial.redaction = redactionOf(resolved.made);
  trial.inputText = 'text' in resolved ? resolved.text : shortened(JSON.stringify(resolved.stored));
  const params = 'params' in resolved ? resolved.params : parseParams(node, resolved.live);
  trial.isPure = node.isDeterministic && resolved.made.length === 0 && (typeof type.pure === 'function' ? type.pure(params as never) : type.pure);
  if (node.node.cache !== undefined || node.idempotencyKey !== undefined) return runWithKeys(trial, resolved, params);
  return runOn(trial, params);
}

/** The slow way: what the policies ask for comes first. */
async function runWithKeys(trial: Trial, resolved: Resolved, params: unknown): Promise<Gained> {
  const { core, frame, node, step } = trial;
  const cached = await fromCache(core, frame, node, step, resolved);
  if (cached !== undefined) return { kind: 'cached', change: cached };
  trial.idempotencyKey = await idempotencyKeyOf(core, frame, node);
  return runOn(trial, params);
}

function runOn(trial: Trial, params: unknown): NodeResult | Promise<NodeResult> {
  const { node } = trial;
  const type = node.type as InlineNodeType;
  // Code sees the scope whole, so what is large has to be there.
  const scope = node.reads === null ? largeScope(trial.core, trial.frame, null) : trial.frame.scope;
  // An effect that ends at once is noted only after a crash: it costs a write.
  if (!trial.isPure && trial.core.carefulUntil > trial.core.clock.monotonic()) openRun(trial);
  if (!(scope instanceof Promise)) return type.run(params as never, contextOf(trial, scope));
  return scope.then((whole) => type.run(params as never, contextOf(trial, whole)));
}

/** Waits for an asynchronous attempt, with its timeout; shows it as running when it takes a while. */
async function watch(trial: Trial, run: Running, result: Promise<Gained>): Promise<void> {
  const { core, frame, node, step } = trial;
  const { live } = frame;
  const timeoutMs = node.node.timeoutMs ?? node.type.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let onTimeout: ((error: NodeError) => void) | undefined;
  const timedOut = new Promise<never>((_resolve, reject) => (onTimeout = reject));
  timedOut.catch(() => undefined);
  const cancels = [
    core.clock.after(timeoutMs, () => {
      const error = new NodeError('timeout', `${stepName(frame, node)} ran longer than ${timeoutMs} ms; raise timeoutMs of the node or give it less to do`);
      run.abort.abort(error);
      onTimeout?.(error);
    }),
    core.clock.after(SLOW_MS, () => {
      if (!isCurrent(frame, node, run) || step.status !== 'pending') return;
      stageStep(core, frame, node, step, { status: 'running', attempt: trial.attempt, startedAt: trial.startedAt, input: trial.inputText, wait: null });
      flush(core, live);
      keepFlushingLog(trial, run);
    }),
  ];
  const release = (): void => cancels.forEach((cancel) => cancel());
  Object.assign(run, { release });
  let next: () => void;
  try {
    const value = await Promise.race([result, timedOut]);
    next = () => onResult(trial, value);
  } catch (error) {
    next = () => onFailure(trial, error);
  }
  if (vacate(core, frame, node, run)) walled(core, live, next);
}

/** Lines of a long attempt reach the store while it runs. */
function keepFlushingLog(trial: Trial, run: Running): void {
  const { core, frame, node } = trial;
  const tick = (): void => {
    if (!isCurrent(frame, node, run)) return;
    stageLog(core, frame.live, trial.lines.splice(0));
    core.clock.after(LOG_FLUSH_MS, tick);
  };
  core.clock.after(LOG_FLUSH_MS, tick);
}
