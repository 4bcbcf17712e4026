/** What a key, and its org, may use of the models: requests and tokens of a minute, which come back with time, and a count of what runs. Counted in PostgreSQL, never
 *  in Redis: it holds over a restart, for all processes together, and whatever becomes of Redis. Never waits: who is refused is told when to come again.
 *  One thing to know: a process that died gives back what ran in it after half a minute. */
import type { ModelLimits, ModelUse } from '../contract/model-limits.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { Sql, SqlPool } from '../store/client.ts';
import { addRunning, beatRunning, countRunning, deleteRunning, lockLimitUses, readLimitUse, writeLimitUses, type LimitUse } from '../store/model-limits.ts';

/** Whom limits hold for. */
export interface LimitedBy {
  /** `key_…`, `org_…`. */
  readonly id: string;
  /** For messages: "this API key", "your organisation". */
  readonly who: string;
  readonly limits: ModelLimits;
}

export interface Admission {
  /** `x-ratelimit-*` as OpenAI writes them; of the one with the least left. */
  readonly headers: Readonly<Record<string, string>>;
  /** What it really took: the buckets are set right. Once. */
  end(tokens: number): void;
}

export interface GatewayLimits {
  /** Lets a request in, or refuses it for all of them: nothing is taken then.
   *  @param tokens its estimate  @throws AppError rate_limited with the time to wait */
  admit(subjects: readonly LimitedBy[], tokens: number): Promise<Admission>;
  /** How much of these limits is used now. */
  used(subject: { readonly id: string; readonly limits: ModelLimits }): Promise<ModelUse>;
  start(): void;
  /** Gives back what ran here. Call it when nobody asks any more. */
  stop(): Promise<void>;
}

const MINUTE_MS = 60_000;
/** Somebody else's answer has to end: nobody knows when. */
const CONCURRENT_RETRY_S = 1;
const BEAT_MS = 10_000;
/** Of a process that was not seen for so long nothing runs. */
const STALE_MS = 30_000;

/** What is left of a minute's allowance. May be below nothing: answers are longer than estimates. */
interface State {
  readonly requests: number;
  readonly tokens: number;
  readonly running: number;
}
type Admitted = LimitedBy & { readonly state: State };

export function createGatewayLimits({ sql, clock, log }: { readonly sql: SqlPool; readonly clock: Clock; readonly log: Logger }): GatewayLimits {
  const process = newId('own', clock);
  /** Ends that are being written: who asks next sees them. */
  const endings = new Map<string, Promise<void>>();
  let isStopped = false;
  let cancel = (): void => undefined;

  const arm = (): void => {
    if (isStopped) return;
    cancel = clock.after(BEAT_MS, () => {
      arm();
      beatRunning(sql, process, { nowMs: clock.now(), staleMs: clock.now() - STALE_MS }).catch((error: unknown) =>
        log.warn({ cause: messageOf(error) }, 'what runs of the limits of models was not noted; tried again'),
      );
    });
  };
  const end = (subjects: readonly LimitedBy[], work: () => Promise<void>): void => {
    const ending = work().catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'the end of a request was not counted to its limits'));
    for (const { id } of subjects) endings.set(id, ending);
    void ending.then(() => {
      for (const { id } of subjects) if (endings.get(id) === ending) endings.delete(id);
    });
  };
  return {
    async admit(subjects, tokens) {
      const limited = subjects.filter(({ limits }) => Object.values(limits).some((limit) => limit !== undefined)).toSorted((a, b) => (a.id < b.id ? -1 : 1));
      if (limited.length === 0) return { headers: {}, end: () => undefined };
      await Promise.all(limited.map(({ id }) => endings.get(id) ?? Promise.resolve()));
      const counted = limited.filter(({ limits }) => limits.concurrent !== undefined).map(({ id }) => id);
      const admitted = await sql.transaction(async (tx) => {
        const states = await readStates(tx, limited, clock.now());
        for (const one of states) refuseBeyond(one, tokens);
        const taken = states.map((one) => ({ ...one, state: { ...one.state, requests: one.state.requests - 1, tokens: one.state.tokens - tokens } }));
        await writeStates(tx, taken, clock.now());
        if (counted.length > 0) await addRunning(tx, counted, { process, count: 1, nowMs: clock.now() });
        return taken;
      });
      let isOver = false;
      return {
        headers: headersOf(admitted),
        end(used) {
          if (isOver) return;
          isOver = true;
          const isRight = used === tokens || limited.every(({ limits }) => limits.tokensPerMinute === undefined);
          if (isRight && counted.length === 0) return;
          end(limited, () =>
            sql.transaction(async (tx) => {
              const states = await readStates(tx, limited, clock.now());
              await writeStates(
                tx,
                states.map((one) => ({ ...one, state: { ...one.state, tokens: one.state.tokens + tokens - used } })),
                clock.now(),
              );
              if (counted.length > 0) await addRunning(tx, counted, { process, count: -1, nowMs: clock.now() });
            }),
          );
        },
      };
    },
    async used({ id, limits }) {
      const nowMs = clock.now();
      const [use, running] = await Promise.all([readLimitUse(sql, id), countRunning(sql, [id], nowMs - STALE_MS)]);
      const state = stateOf(limits, { use, running: running.get(id) ?? 0, nowMs });
      const { requestsPerMinute, tokensPerMinute, concurrent } = limits;
      return {
        ...(requestsPerMinute === undefined ? {} : { requestsPerMinute: Math.round(requestsPerMinute - state.requests) }),
        ...(tokensPerMinute === undefined ? {} : { tokensPerMinute: Math.round(tokensPerMinute - state.tokens) }),
        ...(concurrent === undefined ? {} : { concurrent: state.running }),
      };
    },
    start: arm,
    async stop() {
      isStopped = true;
      cancel();
      await Promise.all(endings.values());
      await deleteRunning(sql, process).catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'what ran here is given back in half a minute'));
    },
  };
}

/** Locked: nobody else is admitted by these limits meanwhile. */
async function readStates(tx: Sql, subjects: readonly LimitedBy[], nowMs: number): Promise<readonly Admitted[]> {
  const ids = subjects.map(({ id }) => id);
  const uses = new Map((await lockLimitUses(tx, ids, nowMs)).map((use) => [use.subject, use]));
  const hasCount = subjects.some(({ limits }) => limits.concurrent !== undefined);
  const running = hasCount ? await countRunning(tx, ids, nowMs - STALE_MS) : new Map<string, number>();
  return subjects.map((subject) => ({
    ...subject,
    state: stateOf(subject.limits, { use: uses.get(subject.id), running: running.get(subject.id) ?? 0, nowMs }),
  }));
}

function stateOf(
  { requestsPerMinute, tokensPerMinute }: ModelLimits,
  { use, running, nowMs }: { readonly use: LimitUse | undefined; readonly running: number; readonly nowMs: number },
): State {
  const minutes = Math.max(0, nowMs - (use?.atMs ?? nowMs)) / MINUTE_MS;
  const left = (limit: number | undefined, used: number): number => (limit === undefined ? 0 : limit - Math.max(0, used - minutes * limit));
  return { requests: left(requestsPerMinute, use?.requests ?? 0), tokens: left(tokensPerMinute, use?.tokens ?? 0), running };
}

async function writeStates(tx: Sql, states: readonly Admitted[], nowMs: number): Promise<void> {
  await writeLimitUses(
    tx,
    states.map(({ id, limits: { requestsPerMinute, tokensPerMinute }, state }) => {
      const used = (limit: number | undefined, left: number): number => (limit === undefined ? 0 : Math.max(0, limit - left));
      const [requests, tokens] = [used(requestsPerMinute, state.requests), used(tokensPerMinute, state.tokens)];
      const minutes = Math.max(requests / (requestsPerMinute ?? Infinity), tokens / (tokensPerMinute ?? Infinity));
      return { subject: id, requests, tokens, atMs: nowMs, freeAtMs: nowMs + Math.ceil(minutes * MINUTE_MS) };
    }),
  );
}

/** @throws AppError rate_limited */
function refuseBeyond(one: Admitted, tokens: number): void {
  const { limits, state, who } = one;
  const { requestsPerMinute, tokensPerMinute, concurrent } = limits;
  if (concurrent !== undefined && state.running >= concurrent)
    refuse(one, `${who} may have ${concurrent} requests answered at the same time, and that many run. Wait for one to end`, CONCURRENT_RETRY_S);
  if (requestsPerMinute !== undefined && state.requests < 1)
    refuse(one, `${who} may send ${requestsPerMinute} requests a minute, and has`, secondsUntil(1 - state.requests, requestsPerMinute));
  if (tokensPerMinute === undefined) return;
  // One that is larger than a minute's allowance needs all of it.
  const needed = Math.min(tokens, tokensPerMinute);
  if (state.tokens < needed)
    refuse(
      one,
      `${who} may use ${tokensPerMinute} tokens a minute; ${Math.max(0, Math.floor(state.tokens))} are left, and this request takes about ${tokens}`,
      secondsUntil(needed - state.tokens, tokensPerMinute),
    );
}

function refuse(one: Admitted, message: string, retryAfterS: number): never {
  throw new AppError('rate_limited', {
    message: `${message}. Try again in ${Math.ceil(retryAfterS)} s, or ask an administrator for a higher limit.`,
    details: { headers: headersOf([one]) },
    retryAfterS,
  });
}

function secondsUntil(missing: number, perMinute: number): number {
  return (missing / perMinute) * 60;
}

/** Of each kind, the one with the least left. */
function headersOf(admitted: readonly Admitted[]): Record<string, string> {
  const of = (kind: 'requests' | 'tokens', limitOf: (limits: ModelLimits) => number | undefined): Record<string, string> => {
    const known = admitted.flatMap(({ limits, state }) => {
      const limit = limitOf(limits);
      return limit === undefined ? [] : [{ limit, left: state[kind] }];
    });
    const [least] = known.toSorted((a, b) => a.left - b.left);
    if (least === undefined) return {};
    return {
      [`x-ratelimit-limit-${kind}`]: String(least.limit),
      [`x-ratelimit-remaining-${kind}`]: String(Math.max(0, Math.floor(least.left))),
      [`x-ratelimit-reset-${kind}`]: durationText(((least.limit - least.left) / least.limit) * MINUTE_MS),
    };
  };
  return { ...of('requests', (limits) => limits.requestsPerMinute), ...of('tokens', (limits) => limits.tokensPerMinute) };
}

/** As OpenAI writes it: `120ms`, `1.5s`, `1m0s`. */
function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 100) / 10;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${Math.round(seconds % 60)}s`;
}
