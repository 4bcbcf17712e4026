/** Several servers that answer the same: the one with the least in flight is asked, those that fail are left out for a while, and a request
 *  that got no answer is tried again, on another where there is one. Never tries again once an answer has begun. */
import { backoffDelayMs } from '../kernel/retry.ts';
import type { Clock } from '../kernel/clock.ts';
import { UpstreamError, type Send, type UpstreamReply, type UpstreamRequest } from './upstream.ts';

export interface BackendState {
  readonly url: string;
  readonly isUp: boolean;
  readonly inFlight: number;
  /** Why it is left out, or what failed last. */
  readonly lastFault: string | undefined;
}

export interface BackendParts {
  readonly urls: readonly string[];
  /** One exchange with one of them. @throws UpstreamError */
  readonly exchange: (url: string, request: UpstreamRequest) => Promise<UpstreamReply>;
  /** Answers 2xx where a server is well. */
  readonly probePath: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

export interface Backends {
  readonly send: Send;
  readonly states: () => readonly BackendState[];
  stop(): void;
}

/** Failures in a row after which a server is left out. */
const EJECT_AFTER = 3;
const EJECTION = { baseMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0.2 } as const;
const MAX_TRIES = 3;
const RETRY = { baseMs: 250, factor: 2, maxMs: 4_000, jitter: 0.5 } as const;
/** A server that asks for a longer pause is not waited for: the caller is told. */
const MAX_PAUSE_MS = 5_000;
/** Checks go on for so long after the last use, and only where there is a choice. */
const WATCHED_MS = 5 * 60_000;
const CHECK_MS = 15_000;
const PROBE_MS = 5_000;

interface Backend {
  readonly url: string;
  inFlight: number;
  failures: number;
  ejections: number;
  /** Monotonic ms; 0: it is not left out. */
  outUntilMs: number;
  lastFault: string | undefined;
}

export function createBackends(parts: BackendParts): Backends {
  const { clock } = parts;
  const backends = parts.urls.map((url): Backend => ({ url, inFlight: 0, failures: 0, ejections: 0, outUntilMs: 0, lastFault: undefined }));
  const stopped = new AbortController();
  let usedAtMs = -Infinity;
  let cancelCheck: (() => void) | undefined;
  let turn = 0;

  const failed = (backend: Backend, fault: string): void => {
    backend.lastFault = fault;
    backend.failures += 1;
    // A trial after its time out that fails puts it out again at once.
    if (backend.failures < EJECT_AFTER && backend.outUntilMs === 0) return;
    backend.ejections += 1;
    backend.outUntilMs = clock.monotonic() + backoffDelayMs(EJECTION, backend.ejections, parts.random());
  };
  const succeeded = (backend: Backend): void => {
    Object.assign(backend, { failures: 0, ejections: 0, outUntilMs: 0, lastFault: undefined });
  };
  /** Not those that `tried` holds, while there are others. Where all are left out, the one whose time is over first is asked: an answer may come. */
  const pick = (tried: ReadonlySet<Backend>): Backend | undefined => {
    const now = clock.monotonic();
    const fresh = backends.filter((backend) => !tried.has(backend));
    const candidates = fresh.length > 0 ? fresh : backends;
    const usable = candidates.filter(({ outUntilMs, inFlight }) => outUntilMs === 0 || (outUntilMs <= now && inFlight === 0));
    turn += 1;
    if (usable.length === 0) return candidates.toSorted((a, b) => a.outUntilMs - b.outUntilMs)[0];
    const least = Math.min(...usable.map(({ inFlight }) => inFlight));
    const idlest = usable.filter(({ inFlight }) => inFlight === least);
    return idlest[turn % idlest.length];
  };
  const ask = async (backend: Backend, request: UpstreamRequest): Promise<UpstreamReply> => {
    backend.inFlight += 1;
    try {
      const reply = await parts.exchange(backend.url, request);
      succeeded(backend);
      reply.body.once('error', (error) => request.signal.aborted || failed(backend, error.message));
      reply.body.once('close', () => (backend.inFlight -= 1));
      return reply;
    } catch (error) {
      backend.inFlight -= 1;
      if (error instanceof UpstreamError && ['unreachable', 'failed'].includes(error.fault)) failed(backend, error.message);
      throw error;
    }
  };
  const check = async (): Promise<void> => {
    await Promise.all(
      backends.map(async (backend) => {
        const signal = AbortSignal.any([stopped.signal, AbortSignal.timeout(PROBE_MS)]);
        try {
          const reply = await parts.exchange(backend.url, { method: 'GET', path: parts.probePath, headers: {}, signal });
          reply.body.on('error', () => undefined).resume();
          succeeded(backend);
        } catch (error) {
          // Refusing the question is an answer, too.
          if (error instanceof UpstreamError && ['refused', 'denied', 'overloaded'].includes(error.fault)) return;
          if (!stopped.signal.aborted) failed(backend, error instanceof Error ? error.message : String(error));
        }
      }),
    );
  };
  const watch = (): void => {
    usedAtMs = clock.monotonic();
    if (backends.length < 2 || cancelCheck !== undefined || stopped.signal.aborted) return;
    const arm = (): void => {
      cancelCheck = clock.after(CHECK_MS, () => {
        cancelCheck = undefined;
        if (clock.monotonic() - usedAtMs > WATCHED_MS) return;
        void check().finally(() => {
          if (!stopped.signal.aborted) arm();
        });
      });
    };
    arm();
  };
  return {
    async send(request) {
      watch();
      const tried = new Set<Backend>();
      for (let attempt = 1; ; attempt++) {
        const backend = pick(tried);
        if (backend === undefined) throw new UpstreamError('unreachable', 'there is no server to ask');
        tried.add(backend);
        try {
          return await ask(backend, request);
        } catch (error) {
          const pauseMs = pauseOf(error, { attempt, hasOther: tried.size < backends.length, random: parts.random });
          if (pauseMs === undefined || request.signal.aborted) throw error;
          // Serial by nature: the next try comes after this one.
          if (pauseMs > 0) await clock.sleep(pauseMs, request.signal);
        }
      }
    },
    states: () => backends.map(({ url, outUntilMs, inFlight, lastFault }) => ({ url, isUp: outUntilMs === 0, inFlight, lastFault })),
    stop() {
      stopped.abort();
      cancelCheck?.();
    },
  };
}

/** Until the next try, ms; undefined: there is none. */
function pauseOf(
  error: unknown,
  { attempt, hasOther, random }: { readonly attempt: number; readonly hasOther: boolean; readonly random: () => number },
): number | undefined {
  if (!(error instanceof UpstreamError) || attempt >= MAX_TRIES || !['unreachable', 'overloaded', 'failed'].includes(error.fault)) return undefined;
  if (hasOther) return 0;
  const asked = error.retryAfterMs ?? 0;
  return asked > MAX_PAUSE_MS ? undefined : Math.max(asked, backoffDelayMs(RETRY, attempt, random()));
}
