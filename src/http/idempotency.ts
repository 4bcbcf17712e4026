/** Idempotency-Key: a POST that is tried again counts once, and gets the first answer. Kept 24 h per org, caller, route and key.
 *  One thing to know: ids of what a request makes derive from its row's seed, so a try after a crash finds what the first one made. */
import { createHash, randomBytes } from 'node:crypto';
import type { Caller } from '../contract/caller.ts';
import type { EndpointSpec } from '../contract/endpoint.ts';
import type { Cipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { newId, type IdPrefix } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { SqlPool } from '../store/client.ts';
import {
  claimIdempotencyKey,
  endIdempotencyKey,
  releaseIdempotencyKey,
  takeOver,
  type ClaimedKey,
  type KeyClaim,
  type KeyScope,
} from '../store/idempotency-keys.ts';
import { errorResponse } from './errors.ts';

const KEPT_MS = 24 * 3_600_000;
/** A reply larger than this is not kept: the key is refused the second time instead. */
const MAX_KEPT_BYTES = 1_048_576;
const MAX_KEY_LENGTH = 255;
/** Headers of a reply that belong to its answer. */
const KEPT_HEADERS = ['content-type', 'location', 'etag'];
/** What models answer is not kept: it is streamed, and may be large. Clients of that API send the header of their own accord. */
const NOT_KEPT = 'gateway';
/** Routes whose replies hold what must not be kept. */
const REFUSED = /^POST \/api\/v1\/(auth\/|api-keys)/;

export interface Once {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly cipher: Cipher;
  /** This process: the engine's owner id where there is one, so that others see when it died. */
  readonly holder: () => string;
  readonly requestTimeoutMs: number;
  /** Attempts this process is at work on. */
  readonly active: Set<string>;
}

/** One try of a request that counts once. */
export interface Attempt {
  /** The answer of the first try: no work is to be done. */
  readonly replay?: Response;
  /** An earlier try may have done its work. */
  readonly isRepeat: boolean;
  newId<P extends IdPrefix>(prefix: P): `${P}_${string}`;
  /** Keeps the answer. @returns it, still readable */
  end(response: Response): Promise<Response>;
  /** Keeps a refusal; leaves the key to the next try when the fault was ours. @returns what to throw */
  fail(error: unknown): Promise<unknown>;
}

interface Begin {
  readonly once: Once;
  readonly spec: EndpointSpec;
  readonly caller: Caller | null;
  readonly request: Request;
  readonly requestId: string;
  readonly url: URL;
  /** Null: a stream, which is not compared. */
  readonly bytes: Buffer | null;
}

/** @returns undefined when the request asks for nothing of the kind  @throws AppError invalid_query, idempotency_conflict, conflict */
export async function beginOnce(begin: Begin): Promise<Attempt | undefined> {
  const { once, spec, caller, request } = begin;
  const key = request.headers.get('idempotency-key');
  if (key === null || request.method !== 'POST' || spec.tag === NOT_KEPT) return undefined;
  if (REFUSED.test(spec.key)) fail('invalid_query', 'This call takes no Idempotency-Key: its reply is shown once and not kept. Leave the header out.');
  if (caller === null) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > MAX_KEY_LENGTH)
    fail('invalid_query', `An Idempotency-Key has 1 to ${MAX_KEY_LENGTH} visible ASCII characters; this one has ${key.length}.`);
  const scope: KeyScope = { orgId: caller.orgId, caller: caller.keyId ?? caller.userId, route: spec.key, key };
  const name = JSON.stringify(Object.values(scope));
  const nowMs = once.clock.now();
  const row: ClaimedKey = {
    ...scope,
    requestHash: hashOf(begin),
    seed: newSeed(once.clock),
    holder: once.holder(),
    now: new Date(nowMs),
    deadBefore: new Date(nowMs - once.requestTimeoutMs),
    expiredBefore: new Date(nowMs - KEPT_MS),
  };
  let claim = await claimIdempotencyKey(once.sql, row);
  if (claim.kind === 'in_flight' && claim.holder === row.holder && !once.active.has(name)) claim = (await takeOver(once.sql, row, true)) ?? claim;
  return attemptOf(claim, { once, scope, name, requestId: begin.requestId, path: begin.url.pathname });
}

interface Held {
  readonly once: Once;
  readonly scope: KeyScope;
  readonly name: string;
  readonly requestId: string;
  readonly path: string;
}

function attemptOf(claim: KeyClaim, held: Held): Attempt {
  if (claim.kind === 'different')
    return fail(
      'idempotency_conflict',
      `The Idempotency-Key "${held.scope.key.slice(0, 80)}" was used for another request. Use a new key for a different request.`,
    );
  if (claim.kind === 'in_flight')
    return fail('conflict', { message: 'The first request with this Idempotency-Key is still being worked on. Ask again in a moment.', retryAfterS: 1 });
  if (claim.kind === 'done')
    return {
      replay: replayOf(claim, held),
      isRepeat: false,
      newId: (prefix) => newId(prefix),
      end: async (response) => response,
      fail: async (error) => error,
    };
  return workOf(claim, held);
}

function workOf({ seed, attempt }: { readonly seed: string; readonly attempt: number }, { once, scope, name, requestId, path }: Held): Attempt {
  const row = { ...scope, attempt };
  let made = 0;
  once.active.add(name);
  const keep = async (response: Response): Promise<Response> => {
    const body = await response.text();
    const kept = JSON.stringify({
      headers: KEPT_HEADERS.flatMap((header) => (response.headers.has(header) ? [[header, response.headers.get(header)]] : [])),
      body,
    });
    if (Buffer.byteLength(kept) <= MAX_KEPT_BYTES)
      await endIdempotencyKey(once.sql, { ...row, status: response.status, response: once.cipher.seal(Buffer.from(kept), placeOf(scope)) });
    return new Response(response.status === 204 ? null : body, { status: response.status, headers: response.headers });
  };
  return {
    isRepeat: attempt > 1,
    newId: (prefix) => `${prefix}_${seed}${counted(made++)}`,
    async end(response) {
      try {
        return await keep(response);
      } finally {
        once.active.delete(name);
      }
    },
    async fail(error) {
      try {
        if (error instanceof AppError && error.status < 500 && error.status !== 429) await keep(errorResponse(error, requestId, path));
        else if (error instanceof AppError) await releaseIdempotencyKey(once.sql, row);
      } catch (cause) {
        once.log.warn({ cause: messageOf(cause), requestId }, 'the outcome of a request with an idempotency key could not be kept');
      } finally {
        // Of any other fault nobody knows how far it came: the row stays, and the next try takes it over with the same ids.
        once.active.delete(name);
      }
      return error;
    },
  };
}

function replayOf(claim: { readonly status: number; readonly response: Buffer }, { once, scope }: Held): Response {
  const kept = JSON.parse(once.cipher.open(claim.response, placeOf(scope)).toString('utf8')) as { headers: [string, string][]; body: string };
  return new Response(claim.status === 204 ? null : kept.body, { status: claim.status, headers: [...kept.headers, ['idempotency-replayed', 'true']] });
}

function placeOf(scope: KeyScope): readonly string[] {
  return ['idempotency', scope.orgId, scope.caller, scope.route, scope.key];
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** The first 22 characters of an id: its time, and 60 bits of its own (ids made in one millisecond share most of theirs). */
function newSeed(clock: Clock): string {
  const time = newId('req', clock).slice('req_'.length, 'req_'.length + 10);
  return time + Array.from(randomBytes(12), (byte) => ALPHABET.charAt(byte & 31)).join('');
}

/** The last four: which of the request's ids it is. */
function counted(index: number): string {
  return [15, 10, 5, 0].map((bits) => ALPHABET.charAt((index >> bits) & 31)).join('');
}

/** The same request: same path, query and body. */
function hashOf({ url, bytes, request }: Begin): Buffer {
  const hash = createHash('sha256').update(`${url.pathname}${url.search}\n`);
  return (bytes === null ? hash.update(request.headers.get('upload-length') ?? '') : hash.update(bytes)).digest();
}
