/** One attempt of an inline step: evaluates params, runs the node under a timeout and a signal, and turns what comes back into the step's next
 *  state. Synchronous from end to end when nothing needs waiting: the common step costs no turn of the loop. */
import type { Json } from '../contract/endpoint.ts';
import { AppError } from '../kernel/fail.ts';
import { NodeError, type InlineNodeType, type NodeContext, type NodeResult } from '../nodes/kit.ts';
import { endInstance, noteActivity, stageLog } from './advance.ts';
import { failure, type Core } from './core.ts';
import { walled } from './fault.ts';
import { failureOf, finish, occupy, releaseHeld, stepName, vacate } from './finish.ts';
import type { CompiledNode } from './graph.ts';
import { isCurrent, pathOf, type Live, type LiveStep, type Running } from './live.ts';
import { isTooLarge, MAX_OUTPUT_BYTES } from './limits.ts';
import { patientFiles, patientHttp, patiently } from './patient.ts';
import { sourcesOf } from './plan.ts';
import { noRedaction, redactionOf, type Redaction } from './redaction.ts';
import { resolve, type Resolved } from './resolve.ts';
import { retryLater } from './retry-step.ts';
import { flush, stageStep } from './stage.ts';
import { armTimer } from './timers.ts';

/** An inline step without a limit of its own. */
const DEFAULT_TIMEOUT_MS = 10 * 60_000;
/** After this long an inline step in flight is shown as running; most have ended before. */
const SLOW_MS = 300;
/** Log lines of one attempt that are kept; the rest is counted. */
const MAX_LOG_LINES = 10_000;
const MAX_LINE_CHARS = 8_000;
const LOG_FLUSH_MS = 500;

/** What an attempt carries along. */
interface Trial {
  readonly core: Core;
  readonly live: Live;
  readonly node: CompiledNode;
  readonly step: LiveStep;
  readonly attempt: number;
  readonly startedAt: number;
  redaction: Redaction;
  inputText: string | undefined;
  isPure: boolean;
  readonly lines: { path: string; generation: number; attempt: number; at: number; line: string }[];
  lineCount: number;
  run: Running | undefined;
}

export function startAttempt(core: Core, live: Live, node: CompiledNode, step: LiveStep): void {
  const trial: Trial = {
    core,
    live,
    node,
    step,
    attempt: step.attempt + 1,
    startedAt: core.clock.now(),
    redaction: noRedaction,
    inputText: undefined,
    isPure: false,
    lines: [],
    lineCount: 0,
    run: undefined,
  };
  let result: NodeResult | Promise<NodeResult>;
  try {
    const resolved = resolve(node.params, live.scope, {
      evaluator: core.evaluator,
      readSecret: (name) => patiently(core, () => core.parts.secrets.read(live.orgId, name)),
    });
    if (resolved instanceof Promise) {
      openRun(trial);
      result = resolved.then((value) => runNode(trial, value));
    } else result = runNode(trial, resolved);
  } catch (error) {
    return onFailure(trial, error);
  }
  if (!(result instanceof Promise)) return onResult(trial, result);
  const run = openRun(trial);
  void watch(trial, run, result);
}

function openRun(trial: Trial): Running {
  if (trial.run !== undefined) return trial.run;
  trial.run = occupy(trial.core, trial.live, trial.node, trial.step);
  return trial.run;
}

function runNode(trial: Trial, resolved: Resolved): NodeResult | Promise<NodeResult> {
  const { node } = trial;
  const type = node.type as InlineNodeType;
  trial.redaction = redactionOf(resolved.made);
  trial.inputText = JSON.stringify(resolved.stored);
  if (trial.inputText.length > MAX_OUTPUT_BYTES) trial.inputText = JSON.stringify({ truncated: true, bytes: Buffer.byteLength(trial.inputText) });
  const parsed = type.params.safeParse(resolved.live);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'params'}: ${issue.message}`).join('; ');
    throw new NodeError('bad_params', `the params of ${node.type.type} are not as it needs them: ${faults}`, { final: true });
  }
  trial.isPure = node.isDeterministic && resolved.made.length === 0 && (typeof type.pure === 'function' ? type.pure(parsed.data as never) : type.pure);
  return type.run(parsed.data as never, contextOf(trial));
}

function contextOf(trial: Trial): NodeContext {
  const { core, live, node, step, attempt } = trial;
  return {
    orgId: live.orgId,
    workflowId: live.workflowId,
    instanceId: live.id,
    path: pathOf(node),
    generation: step.generation,
    attempt,
    idempotencyKey: `${live.id}/${pathOf(node)}/${step.generation}`,
    get signal() {
      return openRun(trial).abort.signal;
    },
    scope: live.scope,
    get from() {
      return sourcesOf(live.plan, node);
    },
    log: (line) => keepLine(trial, line),
    get files() {
      return patientFiles(core, core.parts.filesOf(live.orgId));
    },
    get http() {
      return patientHttp(core, core.parts.httpOf(live.orgId));
    },
    sandbox: core.parts.sandbox,
  };
}

function keepLine(trial: Trial, line: string): void {
  const { node, step, attempt } = trial;
  trial.lineCount += 1;
  if (trial.lineCount > MAX_LOG_LINES) return;
  const text =
    trial.lineCount === MAX_LOG_LINES
      ? `further lines are dropped: the limit is ${MAX_LOG_LINES} a step`
      : trial.redaction.text(line).replaceAll('\u0000', '').slice(0, MAX_LINE_CHARS).toWellFormed();
  trial.lines.push({ path: pathOf(node), generation: step.generation, attempt, at: trial.core.clock.now(), line: text });
}

/** Waits for an asynchronous attempt, with its timeout; shows it as running when it takes a while. */
async function watch(trial: Trial, run: Running, result: Promise<NodeResult>): Promise<void> {
  const { core, live, node, step } = trial;
  const timeoutMs = node.node.timeoutMs ?? node.type.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  let onTimeout: ((error: NodeError) => void) | undefined;
  const timedOut = new Promise<never>((_resolve, reject) => (onTimeout = reject));
  timedOut.catch(() => undefined);
  const cancels = [
    core.clock.after(timeoutMs, () => {
      const error = new NodeError('timeout', `${stepName(live, node)} ran longer than ${timeoutMs} ms; raise timeoutMs of the node or give it less to do`);
      run.abort.abort(error);
      onTimeout?.(error);
    }),
    core.clock.after(SLOW_MS, () => {
      if (!isCurrent(live, node, run) || step.status !== 'pending') return;
      stageStep(core, live, node, step, { status: 'running', attempt: trial.attempt, startedAt: trial.startedAt, input: trial.inputText, wait: null });
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
  if (vacate(core, live, node, run)) walled(core, live, next);
}

/** Lines of a long attempt reach the store while it runs. */
function keepFlushingLog(trial: Trial, run: Running): void {
  const { core, live, node } = trial;
  const tick = (): void => {
    if (!isCurrent(live, node, run)) return;
    stageLog(core, live, trial.lines.splice(0));
    core.clock.after(LOG_FLUSH_MS, tick);
  };
  core.clock.after(LOG_FLUSH_MS, tick);
}

function onResult(trial: Trial, result: NodeResult): void {
  const { core, live, node, step, redaction, startedAt, attempt } = trial;
  const now = core.clock.now();
  const common = { attempt, startedAt, input: trial.inputText, wait: null, error: null };
  switch (result.kind) {
    case 'output': {
      const output = redaction.isEmpty ? result.output : redaction.json(result.output);
      const text = JSON.stringify(output) ?? 'null';
      if (isTooLarge(text)) return onFailure(trial, tooLarge(trial, text));
      stageLog(core, live, trial.lines);
      const reason = result.reason === undefined ? null : redaction.text(result.reason);
      return finish(
        core,
        live,
        node,
        step,
        { ...common, status: 'completed', output, hasOutput: true, outputText: text, port: result.port ?? null, reason, endedAt: now },
        trial.isPure,
      );
    }
    case 'wait': {
      const until = 'until' in result.wait ? result.wait.until : now + result.wait.afterMs;
      stageLog(core, live, trial.lines);
      stageStep(core, live, node, step, {
        ...common,
        status: 'waiting',
        wait: { kind: 'timer', message: `waits until ${new Date(until).toISOString()}`, until: new Date(until).toISOString() },
      });
      noteActivity(core, live);
      flush(core, live, (lost) => void (lost === undefined && armTimer(core, live, node)));
      return releaseHeld(core, live);
    }
    case 'end':
      stageLog(core, live, trial.lines);
      return endBy(trial, result, common, now);
  }
}

/** A stop or fail node: its own step first, then the instance. */
function endBy(trial: Trial, result: Extract<NodeResult, { kind: 'end' }>, common: object, now: number): void {
  const { core, live, node, step, redaction } = trial;
  if (result.status === 'completed') {
    const output = result.output === undefined ? undefined : redaction.json(result.output);
    const text = JSON.stringify(output ?? {});
    if (isTooLarge(text)) return onFailure(trial, tooLarge(trial, text));
    stageStep(core, live, node, step, { ...common, status: 'completed', output: output ?? {}, hasOutput: true, outputText: text, endedAt: now });
    return endInstance(core, live, { status: 'completed', output: output ?? outputOfOthers(live, node) });
  }
  const error = failure(result.code, redaction.text(result.message), { step: pathOf(node) });
  stageStep(core, live, node, step, { ...common, status: 'failed', error, endedAt: now });
  endInstance(core, live, { status: 'failed', error });
}

/** The instance's output when a stop gives none: of the nodes without successors, the stop itself left out. */
function outputOfOthers(live: Live, stop: CompiledNode): Json {
  const others = live.graph.leaves.filter((node) => node !== stop && live.steps[node.index]?.hasOutput === true);
  const [only, ...more] = others;
  if (only === undefined) return null;
  if (more.length === 0) return live.steps[only.index]?.output ?? null;
  return Object.fromEntries(others.map((node) => [node.key, live.steps[node.index]?.output ?? null]));
}

function tooLarge(trial: Trial, text: string): NodeError {
  return new NodeError(
    'too_large',
    `the output of ${stepName(trial.live, trial.node)} has ${Buffer.byteLength(text)} bytes, the limit is ${MAX_OUTPUT_BYTES}; write it with file.write and pass the path on`,
    { final: true },
  );
}

/** A failed attempt: tried again when the policy says so, else the step has failed. */
function onFailure(trial: Trial, error: unknown): void {
  const { core, live, node, redaction, step, attempt, startedAt } = trial;
  if (!(error instanceof NodeError || error instanceof AppError)) {
    // What it says may be made of params, and so of secrets: the log gets it masked.
    const cause = redaction.text(error instanceof Error ? (error.stack ?? error.message) : String(error));
    core.log.error({ instanceId: live.id, path: pathOf(node), type: node.type.type, cause }, 'a node crashed');
  }
  stageLog(core, live, trial.lines);
  const fault = failureOf(error, redaction.text);
  const status = error instanceof NodeError && error.code === 'timeout' ? 'timed_out' : 'failed';
  if (
    retryLater(core, live, node, step, {
      attempt,
      status,
      error: fault,
      isFinal: !(error instanceof NodeError) ? false : error.final,
      startedAt,
      jobId: null,
      input: trial.inputText,
    })
  )
    return releaseHeld(core, live);
  finish(core, live, node, step, { status, attempt, startedAt, input: trial.inputText, error: fault, wait: null, endedAt: core.clock.now() }, false);
}
