/** What a running step may ask of the world, as ports: files, HTTP, messages, models and their downloads, the sandbox. Shapes only;
 *  who answers them is handed to the engine. */
import type { Json } from '../contract/endpoint.ts';
import type { NotifyTarget } from '../contract/notifications.ts';
import type { Binding } from '../kernel/egress-binding.ts';

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
  /** A credential that the node's own params name: its headers are added where they are sent to, for its hosts alone. */
  readonly credential?: string | undefined;
  /** What the engine makes of `credential`; a node leaves it alone. */
  readonly bound?: Binding | undefined;
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
