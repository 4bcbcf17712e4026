/** defineNode(): what a node type is. A type is one folder (node.ts, node.test.ts, README.md) and one line in index.ts.
 *  Its form, docs, validation and ports derive from this declaration. Node types reach the world only through `context`. */
import type * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import type { GraphNode, RetryPolicy } from '../contract/graph.ts';
import type { FormHint, Port } from '../contract/node-types.ts';
import type { NotifyTarget } from '../contract/notifications.ts';
import type { Role } from '../contract/values.ts';
import type { CommandSpec } from '../contract/command.ts';

/** Names an expression may use: the instance's input, ended steps' outputs, and inside bodies the item. */
export interface Scope {
  readonly input: Json;
  readonly steps: Readonly<Record<string, { readonly output: Json }>>;
  readonly item?: Json;
  readonly index?: number;
  /** The item around this one: `parent.item`, `parent.index`, `parent.parent`. */
  readonly parent?: Json;
  /** In a loop: the output of the round before; null in the first. */
  readonly previous?: Json;
}

/** What a running step may rely on. */
export interface NodeContext {
  readonly orgId: string;
  readonly workflowId: string;
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
  /** 1-based. */
  readonly attempt: number;
  /** `instance/path/generation`, or what the node's policy says: the same for every attempt. Hand it to whatever can de-duplicate. */
  readonly idempotencyKey: string;
  /** What the last `heartbeat` of an attempt before this one said; undefined in the first, or when it said nothing. */
  readonly details: Json | undefined;
  /** What this node asked to have back when it said `again`; undefined at first. */
  readonly state: Json | undefined;
  /** Since its first run of this attempt, waits between runs (`again`) included. */
  readonly elapsedMs: number;
  /** Id of the user who started the instance by hand, or with a key of theirs; undefined: a trigger did. */
  readonly startedByUser: string | undefined;
  /** Tells how far the work is, for the next attempt. Durable within a second, at the latest when the attempt ends. */
  heartbeat(details: Json): void;
  /** Tells a person how far it is. @param fraction 0 to 1 */
  progress(fraction: number, message?: string): void;
  /** The value of a JSONata expression over `names` alone. @throws NodeError expression_failed, expression_limit */
  evaluate(expression: string, names: Readonly<Record<string, Json>>): Promise<Json>;
  /** Where a value does not fit a JSON Schema, by path from `value`; empty: it fits. @throws NodeError schema_failed when it can't be judged */
  faultsOf(schema: Readonly<Record<string, Json>>, value: Json): Promise<readonly { readonly path: string; readonly message: string }[]>;
  /** Aborts on cancel and on timeout. Every wait must heed it. */
  readonly signal: AbortSignal;
  readonly scope: Scope;
  /** Which node keys lead here, ended with a result. */
  readonly from: readonly string[];
  /** One line to the step's log. Secrets are masked. */
  log(line: string): void;
  readonly files: FilePort;
  readonly http: HttpPort;
  readonly sandbox: SandboxPort;
  readonly models: ModelPort;
  readonly notify: NotifyPort;
  readonly downloads: DownloadPort;
}

/** The files of the instance's org. Paths as in contract/files. */
export interface FilePort {
  read(path: string, options: { readonly maxBytes: number; readonly signal: AbortSignal }): Promise<{ readonly bytes: Buffer; readonly mediaType: string }>;
  write(
    path: string,
    content: Buffer,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly path: string; readonly bytes: number; readonly sha256: string }>;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** HTTP to public addresses, and to hosts an administrator allowed; decided on the address that is connected to, at each redirect. */
export interface HttpPort {
  request(request: HttpRequest): Promise<HttpReply>;
}

/** Messages to people and webhooks, kept durably and sent from there. The same step tells once, however often it is tried. */
export interface NotifyPort {
  /** @returns how many inboxes have it, and the ids of what is sent */
  send(message: {
    readonly target: NotifyTarget;
    readonly title: string;
    readonly message: string;
  }): Promise<{ readonly notifications: number; readonly deliveries: readonly string[] }>;
}

/** What a step wants to have here: as `POST /api/v1/models/downloads` takes it. */
export interface WantedModel {
  readonly repo?: string | undefined;
  readonly url?: string | undefined;
  readonly files?: readonly string[] | undefined;
  readonly revision?: string | undefined;
  readonly sha256?: string | undefined;
  readonly name?: string | undefined;
}

/** How far a download is; `fraction` is null where nobody knows how much there is. */
export interface DownloadState {
  readonly downloadId: string;
  /** This step began it, in this attempt or an earlier one. */
  readonly isOwn: boolean;
  readonly fraction: number | null;
  readonly message: string;
}

/** Models from elsewhere, kept on this machine. */
export interface DownloadPort {
  /** Brings a model, or finds it here. When the signal aborts, a download that this step began is cancelled (not when Studio stops: it goes on then).
   *  @param options.own the id that an earlier attempt of this step began  @throws NodeError */
  bring(
    wanted: WantedModel,
    options: { readonly own: string | undefined; readonly signal: AbortSignal; readonly onState: (state: DownloadState) => void },
  ): Promise<{
    readonly modelId: string;
    readonly name: string;
    readonly bytes: number;
    readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string | null }[];
  }>;
}

/** One call of a model, in the shapes of the OpenAI API. */
export interface ModelChat {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: Json; readonly [key: string]: Json | undefined }[];
  readonly tools?: Json | undefined;
  readonly toolChoice?: Json | undefined;
  readonly responseFormat?: Json | undefined;
  readonly sampling: {
    readonly maxTokens?: number | undefined;
    readonly temperature?: number | undefined;
    readonly topP?: number | undefined;
    readonly seed?: number | undefined;
    readonly stop?: readonly string[] | undefined;
  };
}

export interface ModelAnswer {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly { readonly id: string; readonly type: 'function'; readonly function: { readonly name: string; readonly arguments: string } }[];
  readonly finish: 'stop' | 'length' | 'tool_calls' | 'content_filter';
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface ModelTold {
  readonly signal: AbortSignal;
  /** While the model loads, or a limit is waited for. */
  onWait?(message: string): void;
  /** What the model says, as it comes. */
  onText?(text: string): void;
}

/** The models that the instance's org may ask. @throws NodeError with the code of the API; what the same call would meet again is final */
export interface ModelPort {
  chat(chat: ModelChat, told: ModelTold): Promise<ModelAnswer>;
  /** @returns one vector a text, in order */
  embed(
    request: { readonly model: string; readonly texts: readonly string[]; readonly dimensions?: number | undefined },
    told: ModelTold,
  ): Promise<{ readonly vectors: readonly (readonly number[])[]; readonly promptTokens: number }>;
}

/** JavaScript in QuickJS, in a child, with limits of time and memory. */
export interface SandboxPort {
  run(request: {
    readonly source: string;
    readonly globals: Readonly<Record<string, Json>>;
    readonly timeoutMs: number;
    readonly memoryBytes: number;
    readonly signal: AbortSignal;
    readonly onLog: (line: string) => void;
  }): Promise<Json>;
}

/** How a step ended, or what it waits for. */
export type NodeResult =
  | { readonly kind: 'output'; readonly output: Json; readonly port?: string; readonly reason?: string }
  /** Holds no slot. */
  | { readonly kind: 'wait'; readonly wait: NodeWait }
  /** Runs another workflow. With `wait` its output becomes the step's; without, `{ instanceId }`, as soon as it has started. */
  | { readonly kind: 'call'; readonly workflowId: string; readonly version: number | undefined; readonly input: Json; readonly wait: boolean }
  /** Ends the whole instance. */
  | { readonly kind: 'end'; readonly status: 'completed'; readonly output: Json | undefined }
  | { readonly kind: 'end'; readonly status: 'failed'; readonly code: string; readonly message: string };

export type NodeWait =
  /** Until a moment (ms since the epoch), or so long from now; the output is `{ waitedMs }`. */
  | { readonly kind: 'timer'; readonly until: number }
  | { readonly kind: 'timer'; readonly afterMs: number }
  /** Runs the node again after a while, with `state` in its context. */
  | { readonly kind: 'again'; readonly afterMs: number; readonly message: string; readonly state: Json }
  /** Until somebody outside says so; the type's `resume` tells what that means. So long after it began to wait comes the signal `timeout`;
   *  one that waits on keeps the end it had. */
  | { readonly kind: 'webhook' | 'approval'; readonly message: string; readonly state: Json; readonly timeoutMs?: number | undefined };

/** What reached a waiting step. */
export type Signal =
  | { readonly kind: 'timeout' }
  /** A call of its callback's URL. */
  | { readonly kind: 'callback'; readonly payload: Json }
  | {
      readonly kind: 'decision';
      readonly decision: 'approve' | 'reject';
      readonly by: { readonly userId: string; readonly name: string; readonly email?: string | undefined; readonly role: Role };
      readonly comment: string | undefined;
      readonly form: Json | undefined;
      /** ISO 8601. */
      readonly at: string;
    };

/** A failure of a step with a class that retry policies can name. `final` is never retried. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
  readonly code: string;
  readonly final: boolean;
  readonly details: Json | undefined;
  constructor(code: string, message: string, options: { readonly final?: boolean; readonly details?: Json; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.final = options.final ?? false;
    this.details = options.details;
  }
}

interface NodeTypeBase<Params extends z.ZodType> {
  /** `noun.verb`, unique in the list. */
  readonly type: string;
  readonly version: number;
  readonly title: string;
  /** One sentence. */
  readonly summary: string;
  /** Markdown: params, output, errors, an example. */
  readonly docs: string;
  readonly category: 'flow' | 'data' | 'network' | 'files' | 'code' | 'machine';
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Output ports that depend on params; absent: `outputs`. */
  readonly portsOf?: (params: Record<string, Json>) => readonly string[];
  readonly params: Params;
  /** Params kept as they stand: their `{{ }}` is not evaluated (the source of code). */
  readonly rawParams?: readonly string[];
  /** Params that hold a graph (contract/graph.ts `graphBody`): never templates here; their nodes run inside this one. */
  readonly bodyParams?: readonly string[];
  /** Params among `rawParams` that are expressions the type evaluates itself (`context.evaluate`), and the names they may use. */
  readonly ownExpressions?: Readonly<Record<string, readonly string[]>>;
  /** Params that are expressions with or without braces around: `condition`, `cases[].when`. */
  readonly expressionParams?: readonly string[];
  /** Of a type with several ports: which one an output stands for. Used for pinned and edited outputs. */
  readonly portOf?: (output: Json) => string | undefined;
  /** Params of a node in the editor's first use; must pass `params`. */
  readonly example: Record<string, Json>;
  /** The role that may publish and run it. Default: user. */
  readonly requires?: Role;
  /** Default attempt limit in ms. */
  readonly timeoutMs?: number;
  /** Refusals that params alone can't express; run at validation, on params without expressions resolved. */
  readonly check?: (node: GraphNode) => readonly { readonly path: string; readonly code: string; readonly message: string }[];
}

export interface InlineNodeType<Params extends z.ZodType = z.ZodType> extends NodeTypeBase<Params> {
  readonly runs: 'inline';
  /** Same params, same output, no effects: committed with its neighbour, may run again after a crash. */
  readonly pure: boolean | ((params: z.infer<Params>) => boolean);
  run(params: z.infer<Params>, context: NodeContext): NodeResult | Promise<NodeResult>;
  /** Of types that wait for signals: goes on from `state`. May ask to wait on, with a new state. Pure.
   *  @throws NodeError `refused`, `forbidden`: whoever sent the signal is told, and the step waits on; any other NodeError fails the step */
  resume?(signal: Signal, state: Json): NodeResult;
}

/** A type that runs a graph of its own, once an item or round. */
export interface BodyNodeType<Params extends z.ZodType = z.ZodType> extends NodeTypeBase<Params> {
  readonly runs: 'body';
  /** How its body (`params.body`) is to be run, from evaluated params. @throws NodeError */
  toBody(params: z.infer<Params>): BodyPlan;
}

export type BodyPlan =
  | {
      readonly kind: 'map';
      readonly items: readonly Json[];
      /** Items at once. */
      readonly concurrency: number;
      /** `fail`: the first failed item fails the map. `continue`: its place stays null. `collect`: the same, and `errors` tells why. */
      readonly onItemError: 'fail' | 'continue' | 'collect';
      /** Whole items are tried again. */
      readonly itemRetry: RetryPolicy;
    }
  | {
      readonly kind: 'loop';
      readonly maxIterations: number;
      /** What to do when the limit is reached and `while` still holds. */
      readonly onLimit: 'fail' | 'stop';
    };

/** What code of a step has in scope, by name: what a later Studio adds to expressions is no part of it. */
export function namesInScope(scope: Scope): Record<string, Json> {
  const steps = Object.fromEntries(Object.entries(scope.steps).map(([key, { output }]) => [key, { output }]));
  return { input: scope.input, steps, ...(scope.item === undefined ? {} : { item: scope.item }), ...(scope.index === undefined ? {} : { index: scope.index }) };
}

/** A type whose work is a process on a queue. */
export interface JobNodeType<Params extends z.ZodType = z.ZodType> extends NodeTypeBase<Params> {
  readonly runs: 'job';
  readonly queue: string;
  /** The process to run, from evaluated params (secrets included: never stored). `scope` is whole for types whose params hold code. */
  toCommand(params: z.infer<Params>, scope: Scope): CommandSpec;
  /** The step's output, from what the process left. */
  toOutput(params: z.infer<Params>, ended: JobEnded): NodeResult;
}

export interface JobEnded {
  readonly exitCode: number;
  /** Last 64 KiB of each. */
  readonly stdout: string;
  readonly stderr: string;
  readonly artifacts: readonly { readonly id: string; readonly name: string; readonly bytes: number; readonly sha256: string }[];
  readonly result: Json | undefined;
}

export type NodeType = InlineNodeType | JobNodeType | BodyNodeType;

/** Declares an inline type. Returns it as the erased type that lists hold; `params` is parsed before `run` sees it. */
export function defineNode<Params extends z.ZodType>(type: InlineNodeType<Params>): InlineNodeType {
  return type as unknown as InlineNodeType;
}

/** Declares a type that runs as a job. */
export function defineJobNode<Params extends z.ZodType>(type: JobNodeType<Params>): JobNodeType {
  return type as unknown as JobNodeType;
}

/** Declares a type with a body. */
export function defineBodyNode<Params extends z.ZodType>(type: BodyNodeType<Params>): BodyNodeType {
  return type as unknown as BodyNodeType;
}

/** How the form of a param looks, for `.meta()`: beside its schema, which tells what may stand there. */
export function asField(hint: FormHint, title?: string): Record<string, unknown> {
  return { 'x-form': hint, ...(title === undefined ? {} : { title }) };
}

/** The usual ports. */
export const inPort: readonly Port[] = [{ name: 'in', title: 'In', kind: 'any' }];
export const outPort: readonly Port[] = [{ name: 'out', title: 'Out', kind: 'json' }];

/** The catalogue, by type name. */
export type NodeTypes = ReadonlyMap<string, NodeType>;
