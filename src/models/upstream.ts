/** What speaks to a server of models: one exchange, its faults in classes, and its answer read as server-sent events or JSON.
 *  Never knows a protocol (the clients do) nor which server it is (backends.ts does). */
import type { Readable } from 'node:stream';
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';

/** One request below a server's base URL. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST';
  /** With its leading slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  readonly signal: AbortSignal;
}

export interface UpstreamReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Ends with an error when the connection breaks or the request's signal aborts. Leaving it early closes the connection. */
  readonly body: Readable;
}

/** Sends one request. @returns an answer of status 2xx  @throws UpstreamError; the signal's reason when it aborts */
export type Send = (request: UpstreamRequest) => Promise<UpstreamReply>;

/** `unreachable`: no answer, or none of sense. `overloaded`: 429, 503. `failed`: another 5xx. `denied`: 401, 403, or it may not be asked at all: the key, the rules.
 *  `refused`: another 4xx: the request. `broken`: an answer that began and did not end as it should. */
export type UpstreamFault = 'unreachable' | 'overloaded' | 'failed' | 'denied' | 'refused' | 'broken';

/** A fault of the server or of the way to it. The message may be shown; it holds no key. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly fault: UpstreamFault;
  /** 0: there was no answer. */
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  constructor(
    fault: UpstreamFault,
    message: string,
    options: { readonly status?: number; readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.fault = fault;
    this.status = options.status ?? 0;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What to throw for a fault in the middle of an answer: the reason of an abort, a known fault, else a broken connection. */
export function brokenBy(error: unknown, signal: AbortSignal, host: string): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof UpstreamError) return error;
  return new UpstreamError('broken', `${host}: the answer broke off: ${messageOf(error)}`, { cause: error });
}

/** What a server says of a fault is shown up to here. */
const SHOWN_CHARS = 1_000;
/** A server's word about a fault is read up to here. */
const FAULT_BYTES = 64 * 1024;

/** The error of an answer that is none of 2xx, from what the server says. @param host for the message */
export async function faultOf(reply: UpstreamReply, host: string): Promise<UpstreamError> {
  const { status, headers, body } = reply;
  const said = messageIn((await readBytes(body, FAULT_BYTES).catch(() => Buffer.alloc(0))).toString()).slice(0, SHOWN_CHARS);
  const fault = status === 429 || status === 503 ? 'overloaded' : status >= 500 ? 'failed' : status === 401 || status === 403 ? 'denied' : 'refused';
  return new UpstreamError(fault, `${host} answered ${status}${said === '' ? '' : `: ${said}`}`, { status, retryAfterMs: retryAfterOf(headers) });
}

/** `{ error: { message } }`, `{ error: "…" }`, `{ message }`, `{ detail }`, or the text. */
function messageIn(text: string): string {
  try {
    const value = JSON.parse(text) as { error?: { message?: unknown } | string; message?: unknown; detail?: unknown } | null;
    const error = value?.error;
    const message = typeof error === 'object' && error !== null ? error.message : (error ?? value?.message ?? value?.detail);
    return typeof message === 'string' ? message : text.trim();
  } catch {
    // No JSON: a proxy's page. Its text says more than nothing.
    return text
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim();
  }
}

/** Seconds, as all known servers write it; a date is not worth the clock's doubts. */
function retryAfterOf(headers: Readonly<Record<string, string>>): number | undefined {
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 3_600) * 1_000 : undefined;
}

/** @throws UpstreamError broken, when it is larger than `maxBytes` */
async function readBytes(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw new UpstreamError('broken', `the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Embeddings of a large batch: 2,048 vectors of 3,072 numbers written out. */
const JSON_BYTES = 256 * 1024 * 1024;

/** A whole answer as JSON. @throws UpstreamError broken */
export async function readJson(reply: UpstreamReply): Promise<Json> {
  const text = (await readBytes(reply.body, JSON_BYTES)).toString();
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new UpstreamError('broken', `the answer is not JSON: ${text.slice(0, 200)}`, { cause: error });
  }
}

/** Aborts when what is expected does not come in time. */
export interface Patience {
  /** The caller's signal, or too long a wait (an UpstreamError). */
  readonly signal: AbortSignal;
  /** From now on something has to come within `ms`. */
  expect(ms: number, error: () => UpstreamError): void;
  /** Nothing is expected for now: a slow reader is not a slow server. */
  rest(): void;
  stop(): void;
}

/** One timer for many expectations: it looks when the last one was. */
export function createPatience(signal: AbortSignal, clock: Clock): Patience {
  const own = new AbortController();
  let due: { readonly atMs: number; readonly error: () => UpstreamError } | undefined;
  let timerAtMs = Infinity;
  let cancel = (): void => {};
  const arm = (atMs: number): void => {
    cancel();
    timerAtMs = atMs;
    cancel = clock.after(Math.max(0, atMs - clock.monotonic()), () => {
      timerAtMs = Infinity;
      if (due === undefined) return;
      if (clock.monotonic() < due.atMs) arm(due.atMs);
      else own.abort(due.error());
    });
  };
  return {
    signal: AbortSignal.any([signal, own.signal]),
    expect(ms, error) {
      due = { atMs: clock.monotonic() + ms, error };
      if (due.atMs < timerAtMs) arm(due.atMs);
    },
    rest() {
      due = undefined;
    },
    stop() {
      due = undefined;
      cancel();
    },
  };
}
