/** One call of a model's server as a stream of events, under two limits of time: until it begins, and from one event to the next.
 *  What all clients share; what an event means is theirs to say. */
import type { Readable } from 'node:stream';
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import { eventsOf, type ServerEvent } from './sse.ts';
import { brokenBy, createPatience, readJson, UpstreamError, type Patience, type Send, type UpstreamReply } from './upstream.ts';

/** A prompt of 100,000 tokens takes a small server minutes before its first token. */
const FIRST_MS = 10 * 60_000;
const IDLE_MS = 2 * 60_000;
/** What says that nothing follows: as data with OpenAI, as a name with Anthropic. */
const LAST = new Set(['[DONE]', 'message_stop']);
/** From there to the end of the body. */
const END_MS = 1_000;

export interface ClientParts {
  /** To the base URL; adds the key. */
  readonly send: Send;
  readonly clock: Clock;
  /** The server's own name of the model. */
  readonly model: string;
  /** For messages: `127.0.0.1:8001`. */
  readonly host: string;
  /** Until the answer begins. Default: 10 min. */
  readonly firstMs?: number | undefined;
  /** Between two pieces. Default: 2 min. */
  readonly idleMs?: number | undefined;
}

export interface UpstreamCall {
  readonly path: string;
  /** Undefined fields are left out. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

/** Events, or `whole` where the server answered at once. @throws UpstreamError; the signal's reason */
export async function* callStream(parts: ClientParts, call: UpstreamCall): AsyncGenerator<ServerEvent | { readonly whole: Json }> {
  const patience = createPatience(call.signal, parts.clock);
  const idleMs = parts.idleMs ?? IDLE_MS;
  let reply: UpstreamReply | undefined;
  let isOver = false;
  const late = (): UpstreamError => new UpstreamError('broken', `${parts.host} fell silent in the middle of its answer: nothing for ${idleMs} ms`);
  try {
    reply = await post(parts, call, patience);
    if (!(reply.headers['content-type'] ?? '').includes('text/event-stream')) {
      yield { whole: await readJson(reply) };
      return;
    }
    patience.expect(idleMs, late);
    for await (const event of eventsOf(reply.body.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>)) {
      patience.rest();
      isOver = LAST.has(event.data) || LAST.has(event.name);
      yield event;
      patience.expect(idleMs, late);
    }
  } catch (error) {
    throw brokenBy(error, patience.signal, parts.host);
  } finally {
    patience.stop();
    if (reply !== undefined) leave(reply.body, { isOver, clock: parts.clock });
  }
}

/** The end of an answer that is over is awaited, so that its connection can be used again; of any other the connection is closed. */
function leave(body: Readable, { isOver, clock }: { readonly isOver: boolean; readonly clock: Clock }): void {
  if (body.readableEnded || body.destroyed) return;
  body.on('error', () => undefined); // Nobody reads it any more.
  if (!isOver) return void body.destroy();
  const cancel = clock.after(END_MS, () => body.destroy());
  body.once('close', cancel).resume();
}

/** A call that answers at once. @throws UpstreamError; the signal's reason */
export async function callOnce(parts: ClientParts, call: UpstreamCall): Promise<Json> {
  const patience = createPatience(call.signal, parts.clock);
  try {
    return await readJson(await post(parts, call, patience));
  } catch (error) {
    throw brokenBy(error, patience.signal, parts.host);
  } finally {
    patience.stop();
  }
}

function post(parts: ClientParts, { path, body }: UpstreamCall, patience: Patience): Promise<UpstreamReply> {
  const firstMs = parts.firstMs ?? FIRST_MS;
  patience.expect(firstMs, () => new UpstreamError('unreachable', `${parts.host} did not begin to answer within ${firstMs} ms`));
  return parts.send({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', accept: 'text/event-stream, application/json' },
    body: Buffer.from(JSON.stringify(body)),
    signal: patience.signal,
  });
}

/** The JSON of an event. @throws UpstreamError broken */
export function eventJson({ data }: ServerEvent, host: string): Record<string, Json> {
  let value: Json;
  try {
    value = JSON.parse(data) as Json;
  } catch (error) {
    throw new UpstreamError('broken', `${host} sent an event that is not JSON: ${data.slice(0, 200)}`, { cause: error });
  }
  return asObject(value, host);
}

/** @throws UpstreamError broken */
export function asObject(value: Json, host: string): Record<string, Json> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new UpstreamError('broken', `${host} sent something else than an answer`);
  return value;
}
