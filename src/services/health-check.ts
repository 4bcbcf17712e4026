/** Whether a service answers: asked until it does when it starts, and again and again while it runs. Loopback only. */
import { get } from 'node:http';
import { connect } from 'node:net';
import type { ServiceDefinition } from '../contract/services.ts';
import type { Child } from '../kernel/child.ts';
import { describeExit } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import type { Say } from '../supervise/service.ts';

type Health = ServiceDefinition['health'];
type AskedHealth = Exclude<Health, { type: 'none' }>;

export interface HealthDefaults {
  /** HEALTH_CHECK_TIMEOUT_SECS, in ms. */
  readonly timeoutMs: number;
  /** HEALTH_CHECK_MAX_ATTEMPTS. */
  readonly maxAttempts: number;
}

/** Close together at first, for most are up in a second; never further apart than 10 s. */
const PAUSE = { baseMs: 250, factor: 1.5, maxMs: 10_000, jitter: 0 };
/** One question; a busy event loop answers within this time or is not answering. */
const ANSWER_MS = 5_000;
/** Without a check, one that lives so long has started. */
const SETTLE_MS = 200;
/** One missed answer is a hiccup. */
const MISSES = 3;

interface Watched {
  readonly name: string;
  readonly health: Health;
  readonly port: number;
  readonly child: Pick<Child, 'hasExited' | 'exited' | 'lines'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly say: Say;
}

/** Resolves when it answers. @throws Error when it ends first, or the time or the attempts are over */
export async function waitHealthy(watched: Watched & { readonly defaults: HealthDefaults }): Promise<void> {
  const { health, port, child, clock, signal, say, name } = watched;
  const refuseEnded = async (): Promise<void> => {
    if (child.hasExited()) throw new Error(`it ended while starting (${describeExit(await child.exited)}). ${lastWords(child)}`);
  };
  if (health.type === 'none') {
    await clock.sleep(SETTLE_MS, signal);
    return refuseEnded();
  }
  const { timeoutMs = watched.defaults.timeoutMs, maxAttempts = watched.defaults.maxAttempts } = health;
  const startedAt = clock.monotonic();
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const fault = await askHealth(health, port);
    if (fault === undefined) return;
    await refuseEnded();
    const elapsedMs = clock.monotonic() - startedAt;
    const what = `${describeCheck(health)} on port ${port}`;
    if (elapsedMs >= timeoutMs) throw new Error(`${name} did not answer ${what} within ${timeoutMs} ms: ${fault}. ${lastWords(child)}`);
    if (attempt >= maxAttempts) throw new Error(`${name} did not answer ${what} in ${maxAttempts} attempts: ${fault}. ${lastWords(child)}`);
    say(
      'starting',
      `health check ${attempt} of ${maxAttempts} (${describeCheck(health)}): ${fault}`,
      Math.min(0.99, Math.max(attempt / maxAttempts, elapsedMs / timeoutMs)),
    );
    await Promise.race([clock.sleep(Math.min(backoffDelayMs(PAUSE, attempt, 0), Math.max(0, timeoutMs - elapsedMs)), signal), child.exited]);
  }
}

/** Asks until the signal ends it, and tells when it stops answering and when it does again. @param restart called once it has missed `restartAfter` in a row */
export async function watchHealth(watched: Watched & { readonly restart: (why: string) => void }): Promise<void> {
  const { health, port, clock, signal, say } = watched;
  if (health.type === 'none') return;
  for (let misses = 0; ;) {
    const isOver = await clock.sleep(health.intervalMs, signal).then(
      () => false,
      () => true,
    );
    if (isOver) return;
    const fault = await askHealth(health, port);
    if (signal.aborted) return;
    misses = fault === undefined ? 0 : misses + 1;
    if (fault === undefined) say('running');
    else if (misses >= MISSES) say('unhealthy', `${describeCheck(health)}: ${fault}`);
    if (health.restartAfter !== null && misses >= health.restartAfter) return watched.restart(`it missed ${misses} health checks in a row: ${fault ?? ''}`);
  }
}

function describeCheck(health: AskedHealth): string {
  return health.type === 'http' ? `GET ${health.path}` : 'a connection';
}

/** Why it does not answer; undefined: it does. Over http any status below 500 is an answer: also one that asks who is there. */
export function askHealth(health: AskedHealth, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (health.type === 'tcp') {
      const socket = connect({ host: '127.0.0.1', port, timeout: ANSWER_MS });
      const end = (fault: string | undefined): void => {
        socket.destroy();
        resolve(fault);
      };
      socket.once('connect', () => end(undefined));
      socket.once('error', (error) => end(faultText(error)));
      socket.once('timeout', () => end(`no connection within ${ANSWER_MS} ms`));
      return;
    }
    const request = get({ host: '127.0.0.1', port, path: health.path, agent: false, signal: AbortSignal.timeout(ANSWER_MS) }, (response) => {
      response.destroy();
      const status = response.statusCode ?? 0;
      resolve(status < 500 ? undefined : `it answered ${status}`);
    });
    request.once('error', (error) =>
      resolve(error.name === 'TimeoutError' || error.name === 'AbortError' ? `no answer within ${ANSWER_MS} ms` : faultText(error)),
    );
  });
}

function faultText(error: Error): string {
  return 'code' in error && error.code === 'ECONNREFUSED' ? 'nothing listens there yet' : error.message;
}

function lastWords(child: Pick<Child, 'lines'>): string {
  const lines = child.lines().slice(-3);
  return lines.length === 0 ? 'It wrote nothing.' : `Last lines: ${lines.join(' | ')}`;
}
