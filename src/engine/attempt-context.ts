/** What a node is handed to run with. Made for every step, so: one small object, whose parts come to be when they are asked for. */
import type { Json } from '../contract/endpoint.ts';
import { NodeError, type NodeContext } from '../nodes/kit.ts';
import type { DownloadPort, FilePort, HttpPort, ModelPort, NotifyPort, SandboxPort } from '../nodes/kit-ports.ts';
import type { Trial } from './attempt.ts';
import type { Core } from './core.ts';
import { credentialHttp } from './credentials.ts';
import { occupy } from './finish.ts';
import { pathOf, type FrameScope, type Running } from './frame.ts';
import { compileCondition } from './graph.ts';
import { attemptDetails, beat } from './heartbeat.ts';
import { valueFaults } from './input-schema.ts';
import { patientFiles, patientHttp, patientModels } from './patient.ts';
import { sourcesOf } from './plan.ts';
import type { ExpressionScope } from './resolve.ts';
import { noteFlight } from './suspects.ts';
import { notifyPort } from './tell.ts';

/** Log lines of one attempt that are kept; the rest is counted. */
const MAX_LOG_LINES = 10_000;
const MAX_LINE_CHARS = 8_000;

export function contextOf(trial: Trial, scope: FrameScope): NodeContext {
  return new AttemptContext(trial, scope);
}

class AttemptContext implements NodeContext {
  readonly #trial: Trial;
  readonly scope: FrameScope;

  constructor(trial: Trial, scope: FrameScope) {
    this.#trial = trial;
    this.scope = scope;
  }

  get orgId(): string {
    return this.#trial.frame.live.orgId;
  }
  get workflowId(): string {
    return this.#trial.frame.live.workflowId;
  }
  get instanceId(): string {
    return this.#trial.frame.live.id;
  }
  get path(): string {
    return pathOf(this.#trial.frame, this.#trial.node);
  }
  get generation(): number {
    return this.#trial.step.generation;
  }
  get attempt(): number {
    return this.#trial.attempt;
  }
  get idempotencyKey(): string {
    return this.#trial.idempotencyKey ?? `${this.instanceId}/${this.path}/${this.generation}`;
  }
  get details(): Json | undefined {
    return attemptDetails(this.#trial.step);
  }
  get state(): Json | undefined {
    return this.#trial.step.state;
  }
  get elapsedMs(): number {
    return this.#trial.core.clock.now() - this.#trial.startedAt;
  }
  get startedByUser(): string | undefined {
    return this.#trial.frame.live.starter ?? undefined;
  }
  get signal(): AbortSignal {
    return openRun(this.#trial).abort.signal;
  }
  get from(): readonly string[] {
    return sourcesOf(this.#trial.frame.plan, this.#trial.node);
  }
  // Functions, not methods: a node may take them out of its context.
  get log(): NodeContext['log'] {
    return (line) => keepLine(this.#trial, line);
  }
  get heartbeat(): NodeContext['heartbeat'] {
    const trial = this.#trial;
    return (details) => beat(trial.core, trial.frame, trial.node, openRun(trial), { heartbeat: trial.redaction.json(details) }, trial);
  }
  get progress(): NodeContext['progress'] {
    const trial = this.#trial;
    return (fraction, message) => {
      const told = message === undefined ? {} : { message: trial.redaction.text(message).slice(0, 500) };
      beat(trial.core, trial.frame, trial.node, openRun(trial), { progress: { fraction: Math.min(1, Math.max(0, fraction)), ...told } }, trial);
    };
  }
  get evaluate(): NodeContext['evaluate'] {
    return (source, names) => evaluateOver(this.#trial.core, source, names);
  }
  get faultsOf(): NodeContext['faultsOf'] {
    return (schema, value) => valueFaults(this.#trial.core.evaluator, schema, value);
  }
  get files(): FilePort {
    const { core, frame } = this.#trial;
    return patientFiles(core, core.parts.filesOf(frame.live.orgId, frame.live.id));
  }
  get http(): HttpPort {
    const { core, frame } = this.#trial;
    const port = core.parts.httpOf(frame.live.orgId);
    return credentialHttp(this.#trial, patientHttp(core, core.parts.watchCalls?.http(port, this) ?? port));
  }
  get sandbox(): SandboxPort {
    return this.#trial.core.parts.sandbox;
  }
  get downloads(): DownloadPort {
    const { core, frame } = this.#trial;
    return core.parts.downloadsOf?.(frame.live.orgId) ?? noDownloads;
  }
  get models(): ModelPort {
    const { core } = this.#trial;
    const port = core.parts.modelsOf?.(this.orgId, this.workflowId) ?? noModels;
    return patientModels(core, core.parts.watchCalls?.models(port, this) ?? port);
  }
  get notify(): NotifyPort {
    const { orgId, workflowId, instanceId, path } = this;
    return notifyPort(this.#trial.core, { orgId, workflowId, instanceId, path, key: this.idempotencyKey, redaction: () => this.#trial.redaction });
  }
}

const noDownloads: DownloadPort = {
  bring: () => Promise.reject(new NodeError('not_configured', 'this Studio downloads no models', { final: true })),
};

const noModels: ModelPort = {
  chat: () => Promise.reject(new NodeError('not_configured', 'this Studio has no models', { final: true })),
  embed: () => Promise.reject(new NodeError('not_configured', 'this Studio has no models', { final: true })),
};

/** Marks the attempt as in flight, once. */
export function openRun(trial: Trial): Running {
  if (trial.run !== undefined) return trial.run;
  const { core, frame, node, step } = trial;
  const land = noteFlight(core, frame, node, step);
  trial.run = Object.assign(occupy(core, frame, node, step), { land });
  return trial.run;
}

function keepLine(trial: Trial, line: string): void {
  const { frame, node, step, attempt } = trial;
  trial.lineCount += 1;
  if (trial.lineCount > MAX_LOG_LINES) return;
  const text =
    trial.lineCount === MAX_LOG_LINES
      ? `further lines are dropped: the limit is ${MAX_LOG_LINES} a step`
      : trial.redaction.text(line).replaceAll('\u0000', '').slice(0, MAX_LINE_CHARS).toWellFormed();
  trial.lines.push({ path: pathOf(frame, node), generation: step.generation, attempt, at: trial.core.clock.now(), line: text });
}

async function evaluateOver(core: Core, source: string, names: Readonly<Record<string, Json>>): Promise<Json> {
  const expression = compileCondition(source);
  if (expression.hasSecrets) throw new NodeError('secret_use', 'this expression can not read secrets', { final: true });
  return core.evaluator.evaluate(expression, names as unknown as ExpressionScope);
}
