/** defineNode(): what a node type is. A type is one folder (node.ts, node.test.ts, README.md) and one line in index.ts.
 *  Its form, docs, validation and ports derive from this declaration. Node types reach the world only through `context`. */
import type * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import type { GraphNode } from '../contract/graph.ts';
import type { Port } from '../contract/node-types.ts';
import type { Role } from '../contract/values.ts';
import type { CommandSpec } from '../contract/jobs.ts';

/** Names an expression may use: the instance's input, ended steps' outputs, and inside bodies the item. */
export interface Scope {
  readonly input: Json;
  readonly steps: Readonly<Record<string, { readonly output: Json }>>;
  readonly item?: Json;
  readonly index?: number;
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
  /** `instance/path/generation`: the same for every attempt. Hand it to whatever can de-duplicate. */
  readonly idempotencyKey: string;
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
  /** Until a moment (ms since the epoch), or so long from now. Holds no slot; the output is `{ waitedMs }`. */
  | { readonly kind: 'wait'; readonly wait: { readonly kind: 'timer'; readonly until: number } | { readonly kind: 'timer'; readonly afterMs: number } }
  /** Ends the whole instance. */
  | { readonly kind: 'end'; readonly status: 'completed'; readonly output: Json | undefined }
  | { readonly kind: 'end'; readonly status: 'failed'; readonly code: string; readonly message: string };

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
}

/** A type whose work is a process on a queue. */
export interface JobNodeType<Params extends z.ZodType = z.ZodType> extends NodeTypeBase<Params> {
  readonly runs: 'job';
  readonly queue: string;
  /** The process to run, from evaluated params (secrets included: never stored). */
  toCommand(params: z.infer<Params>): CommandSpec;
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

export type NodeType = InlineNodeType | JobNodeType;

/** Declares an inline type. Returns it as the erased type that lists hold; `params` is parsed before `run` sees it. */
export function defineNode<Params extends z.ZodType>(type: InlineNodeType<Params>): InlineNodeType {
  return type as unknown as InlineNodeType;
}

/** Declares a type that runs as a job. */
export function defineJobNode<Params extends z.ZodType>(type: JobNodeType<Params>): JobNodeType {
  return type as unknown as JobNodeType;
}

/** The usual ports. */
export const inPort: readonly Port[] = [{ name: 'in', title: 'In', kind: 'any' }];
export const outPort: readonly Port[] = [{ name: 'out', title: 'Out', kind: 'json' }];

/** The catalogue, by type name. */
export type NodeTypes = ReadonlyMap<string, NodeType>;
