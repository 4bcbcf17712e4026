/** What a key, and its org, may use of the models: buckets of requests and tokens that fill up over a minute, and a count of what runs.
 *  Kept in this process's memory: a restart begins with full buckets. Never waits: who is refused is told when to come again. */
import type { ModelLimits } from '../contract/model-limits.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';

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
  admit(subjects: readonly LimitedBy[], tokens: number): Admission;
}

const MINUTE_MS = 60_000;
/** Those at rest are forgotten beyond this many. */
const MAX_SUBJECTS = 10_000;
/** Somebody else's answer has to end: nobody knows when. */
const CONCURRENT_RETRY_S = 1;

/** What is left of a minute's allowance. May be below nothing: answers are longer than estimates. */
interface Bucket {
  level: number;
  atMs: number;
}
interface State {
  readonly requests: Bucket;
  readonly tokens: Bucket;
  running: number;
}

export function createGatewayLimits(clock: Clock): GatewayLimits {
  const states = new Map<string, State>();
  const stateOf = ({ id, limits }: LimitedBy): State => {
    const now = clock.monotonic();
    let state = states.get(id);
    if (state === undefined) {
      forgetIdle(states);
      state = { requests: { level: limits.requestsPerMinute ?? 0, atMs: now }, tokens: { level: limits.tokensPerMinute ?? 0, atMs: now }, running: 0 };
      states.set(id, state);
    }
    fill(state.requests, limits.requestsPerMinute, now);
    fill(state.tokens, limits.tokensPerMinute, now);
    return state;
  };
  return {
    admit(subjects, tokens) {
      const limited = subjects.filter(({ limits }) => Object.values(limits).some((limit) => limit !== undefined));
      const admitted = limited.map((subject) => ({ ...subject, state: stateOf(subject) }));
      for (const one of admitted) refuseBeyond(one, tokens);
      for (const { state } of admitted) {
        state.requests.level -= 1;
        state.tokens.level -= tokens;
        state.running += 1;
      }
      let isOver = false;
      return {
        headers: headersOf(admitted),
        end(used) {
          if (isOver) return;
          isOver = true;
          for (const { state, limits } of admitted) {
            state.running -= 1;
            state.tokens.level = Math.min(limits.tokensPerMinute ?? 0, state.tokens.level + tokens - used);
          }
        },
      };
    },
  };
}

function fill(bucket: Bucket, limit: number | undefined, nowMs: number): void {
  // A limit that was just set begins full; a lowered one holds at once.
  bucket.level = limit === undefined ? 0 : Math.min(limit, bucket.level + ((nowMs - bucket.atMs) / MINUTE_MS) * limit);
  bucket.atMs = nowMs;
}

type Admitted = LimitedBy & { readonly state: State };

/** @throws AppError rate_limited */
function refuseBeyond(one: Admitted, tokens: number): void {
  const { limits, state, who } = one;
  const { requestsPerMinute, tokensPerMinute, concurrent } = limits;
  if (concurrent !== undefined && state.running >= concurrent)
    refuse(one, `${who} may have ${concurrent} requests answered at the same time, and that many run. Wait for one to end`, CONCURRENT_RETRY_S);
  if (requestsPerMinute !== undefined && state.requests.level < 1)
    refuse(one, `${who} may send ${requestsPerMinute} requests a minute, and has`, secondsUntil(1 - state.requests.level, requestsPerMinute));
  if (tokensPerMinute === undefined) return;
  // One that is larger than a minute's allowance needs all of it.
  const needed = Math.min(tokens, tokensPerMinute);
  if (state.tokens.level < needed)
    refuse(
      one,
      `${who} may use ${tokensPerMinute} tokens a minute; ${Math.max(0, Math.floor(state.tokens.level))} are left, and this request takes about ${tokens}`,
      secondsUntil(needed - state.tokens.level, tokensPerMinute),
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
      return limit === undefined ? [] : [{ limit, left: state[kind].level }];
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

function forgetIdle(states: Map<string, State>): void {
  if (states.size < MAX_SUBJECTS) return;
  for (const [id, { running }] of states) {
    if (running === 0) states.delete(id);
    if (states.size < MAX_SUBJECTS / 2) return;
  }
}
