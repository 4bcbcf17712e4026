/** What every engine of models can do, whatever runs it: a child of ours, a server beside us, a provider far away. The shapes are those of the
 *  OpenAI API (chat/completions, completions, embeddings), so that the gateway hands through what an engine knows and it does not. Types alone. */
import type { Json } from '../contract/endpoint.ts';

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** The body of a chat/completions request, checked and without `model` and `stream`. */
export interface ChatCall {
  readonly messages: readonly { readonly role: string; readonly content: Json; readonly [key: string]: Json | undefined }[];
  readonly tools?: Json | undefined;
  readonly toolChoice?: Json | undefined;
  /** `{ type: 'text' | 'json_object' | 'json_schema', … }` */
  readonly responseFormat?: Json | undefined;
  readonly sampling: Sampling;
  /** Further fields of the request as the caller wrote them; engines that do not know them leave them. */
  readonly extra?: Readonly<Record<string, Json>> | undefined;
}

/** The body of a completions request. */
export interface TextCall {
  readonly prompt: string;
  readonly sampling: Sampling;
  readonly extra?: Readonly<Record<string, Json>> | undefined;
}

export interface Sampling {
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly topK?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly frequencyPenalty?: number | undefined;
  readonly presencePenalty?: number | undefined;
  /** How many alternatives a token; undefined: none. Engines without them leave them out of the answer. */
  readonly logprobs?: number | undefined;
}

/** Pieces of an answer, in order; the last has `finish`. */
export interface Piece {
  readonly text?: string | undefined;
  /** What a model that thinks aloud says before its answer. */
  readonly reasoning?: string | undefined;
  /** Deltas of tool calls as OpenAI streams them: `[{ index, id?, type?, function: { name?, arguments? } }]`. */
  readonly toolCalls?: Json | undefined;
  readonly logprobs?: Json | undefined;
  readonly finish?: 'stop' | 'length' | 'tool_calls' | 'content_filter' | undefined;
  readonly usage?: Usage | undefined;
}

/** A loaded model. Every call ends at once when its signal aborts. Faults: AppError where the caller can act, else Error (a crash: the life cycle explains it). */
export interface ModelEngine {
  chat(call: ChatCall, signal: AbortSignal): AsyncIterable<Piece>;
  complete(call: TextCall, signal: AbortSignal): AsyncIterable<Piece>;
  /** @returns one vector a text, in order; engines that can't cut vectors to `dimensions` leave it */
  embed(texts: readonly string[], signal: AbortSignal, options?: { readonly dimensions?: number | undefined }): Promise<Embedded>;
}

export interface Embedded {
  readonly vectors: readonly (readonly number[])[];
  readonly usage: Usage;
}

/** What asks for a model. */
export interface ModelUse {
  readonly orgId: string;
  /** 0 to 100: of the load it may cause. */
  readonly priority: number;
  readonly signal: AbortSignal;
  /** Told while it waits: for memory, for the load and how far it is. */
  onWait?(wait: { readonly message: string; readonly progress?: number | undefined }): void;
}

/** A model that can be asked for. */
export interface ListedModel {
  /** The name that `use` takes. */
  readonly id: string;
  /** Ms since 1970: since when it is here. */
  readonly createdAtMs: number;
  /** `studio` for models on this machine, else the provider's name. */
  readonly ownedBy: string;
  /** Undefined: nobody knows. */
  readonly contextTokens?: number | undefined;
}

/** The models of this Studio by name: loads on first use, keeps for a while, counts who uses what. */
export interface Models {
  /** Runs `work` with the loaded model; it is not unloaded meanwhile. @throws AppError not_found naming the nearest name, unsatisfiable, … */
  use<T>(name: string, use: ModelUse, work: (engine: ModelEngine) => Promise<T>): Promise<T>;
  /** What the org can ask for, loaded or not. */
  list(orgId: string): Promise<readonly ListedModel[]>;
}
