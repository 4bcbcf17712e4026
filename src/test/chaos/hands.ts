/** What a client of a chaos campaign does with an instance that runs: commands that are sent again until there is an answer, as a careful
 *  person would. Never judges: it notes what was answered. */
import { asObject, createApiClient, itemsOf, type ApiClient, type ApiReply } from '../api-client.ts';
import type { Act } from './history.ts';

/** How long a client tries: longer than any restart and any freeze. */
export const PATIENCE_MS = 180_000;

export interface Hand {
  readonly instanceId: string;
  readonly random: () => number;
  /** Sends a command until it is answered. @returns the status: 200, or 409 when it no longer applies */
  command(name: string, body?: unknown): Promise<number>;
  /** Reads the instance, however long that takes. */
  read(): Promise<Readonly<Record<string, unknown>>>;
  /** Of a step that waits for a call. */
  waitingUrl(path: string): Promise<string | undefined>;
  /** Posts to a URL of Studio as a stranger would; whatever is answered. */
  post(url: string, body: unknown): Promise<void>;
  pause(ms: number): Promise<void>;
  /** Repeats until `step` says that it is done, within the client's patience. @throws Error that names `what` */
  until(what: string, step: () => Promise<boolean>): Promise<void>;
}

export interface HandParts {
  readonly client: ApiClient;
  readonly instanceId: string;
  readonly random: () => number;
  readonly onAct: (act: Act) => void;
  /** Whether blows may still fall: until then nobody's patience ends. */
  readonly isUnderFire: () => boolean;
}

export function createHand({ client, instanceId, random, onAct, isUnderFire }: HandParts): Hand {
  let sent = 0;
  const hand: Hand = {
    instanceId,
    random,
    pause,
    async command(name, body) {
      const key = `${instanceId}-${++sent}`;
      const path = `/api/v1/instances/${instanceId}/${name}`;
      const reply = await insist(client, `${name} of ${instanceId}`, { method: 'POST', path, body, key }, (one) => one.status === 200 || isRefusal(one));
      onAct({ instanceId, name, status: reply.status });
      return reply.status;
    },
    async read() {
      const reply = await insist(client, `reading ${instanceId}`, { method: 'GET', path: `/api/v1/instances/${instanceId}` }, (one) => one.status === 200);
      return asObject(reply.body);
    },
    async waitingUrl(path) {
      const where = `/api/v1/instances/${instanceId}/steps?path=${path}`;
      const reply = await insist(client, `reading ${path} of ${instanceId}`, { method: 'GET', path: where }, (one) => one.status === 200);
      const url = asObject(itemsOf(reply.body).at(-1)?.['waitReason'])['url'];
      return typeof url === 'string' ? url : undefined;
    },
    async post(url, body) {
      const { pathname } = new URL(url, client.url);
      const reply = await createApiClient(client.url)
        .call('POST', pathname, { body, timeoutMs: 60_000 })
        .catch(() => undefined);
      if (reply !== undefined && reply.status >= 500 && reply.status !== 503)
        throw new Error(`a call of ${pathname} was answered ${reply.status} ${reply.text.slice(0, 300)}`);
    },
    async until(what, step) {
      let deadline = performance.now() + PATIENCE_MS;
      while (!(await step())) {
        if (isUnderFire()) deadline = performance.now() + PATIENCE_MS;
        if (performance.now() > deadline) throw new Error(`${instanceId}: waited ${PATIENCE_MS} ms for ${what}`);
        await pause(150 + random() * 150);
      }
    },
  };
  return hand;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string;
}

/** Sends a request until `isAnswer`. Passing refusals and missing answers are met with patience; anything else is an error.
 *  @throws Error with the last answer */
export async function insist(client: ApiClient, what: string, asked: Asked, isAnswer: (reply: ApiReply) => boolean): Promise<ApiReply> {
  const deadline = performance.now() + PATIENCE_MS;
  let last = 'no answer';
  while (performance.now() < deadline) {
    const headers: Record<string, string> = asked.key === undefined ? {} : { 'idempotency-key': asked.key };
    const reply = await client.call(asked.method, asked.path, { body: asked.body, headers, timeoutMs: 60_000 }).catch(() => undefined);
    if (reply !== undefined && isAnswer(reply)) return reply;
    if (reply !== undefined && !isPassing(reply)) throw new Error(`${what} was answered ${reply.status} ${reply.text.slice(0, 500)}`);
    if (reply !== undefined) last = `${reply.status} ${reply.text.slice(0, 300)}`;
    await pause(60 + Math.random() * 90);
  }
  throw new Error(`${what} was not answered within ${PATIENCE_MS} ms; last: ${last}`);
}

/** "Again in a moment": starting, draining, database away, or the first try of this key still under way. */
function isPassing(reply: ApiReply): boolean {
  return reply.headers['retry-after'] !== undefined && (reply.status === 409 || reply.status === 503);
}

/** It does not apply any more: perhaps an earlier try, whose answer was lost, was carried out. */
function isRefusal(reply: ApiReply): boolean {
  return reply.status === 409 && asObject(asObject(reply.body)['error'])['code'] === 'illegal_transition';
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
