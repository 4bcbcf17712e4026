/** defineNode(): what a node type is. A type is one folder (node.ts, node.test.ts, README.md) and one line in index.ts.
 *  Its form, docs, validation and ports derive from this declaration. Node types reach the world only through `context`. */
import type * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import type { GraphNode, RetryPolicy } from '../contract/graph.ts';
import type { FormHint, Port } from '../contract/node-types.ts';
import type { Role } from '../contract/values.ts';
import type { CommandSpec } from '../contract/command.ts';
import type { DownloadPort, FilePort, HttpPort, ModelPort, NotifyPort, SandboxPort } from './kit-ports.ts';

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
  /** Where a credential's id stands in the params, as in `auth.credential`: written out, never computed. */
  readonly credentialParams?: readonly string[];
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
