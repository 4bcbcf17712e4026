/** Brings one file: several ranged requests at once, each written where it belongs. Never decides when to give up for good on behalf of a person:
 *  it throws a DownloadFault, and what came is in `state.done`.
 *  One thing to know: bytes count as there once they are written; the caller syncs the file before it records them. */
import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Egress, EgressStream } from '../kernel/egress.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import { contentRange, hostOf, judge, refusePage, type Target } from './download-answer.ts';
import { asDownloadFault, DownloadFault } from './download-fault.ts';
import { addRange, countBytes, firstGap, type Range } from './download-ranges.ts';

/** What is known of the file so far; changed in place. */
export interface FetchState {
  /** Null until a server says it. */
  bytes: number | null;
  /** ETag, else Last-Modified, of the first answer. */
  validator: string | null;
  done: readonly Range[];
}

export interface FetchParts {
  readonly egress: Pick<Egress, 'open'>;
  readonly clock: Clock;
  readonly pace: Pace;
  /** Hears of what came, for figures. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface Pace {
  /** Requests at once. */
  readonly connections: number;
  /** A request asks for so much at least and at most. */
  readonly minPart: number;
  readonly maxPart: number;
  /** Until an answer begins, and between its bytes. */
  readonly stallMs: number;
  /** Faults in a row, without a byte between them, until it is given up. */
  readonly maxFaults: number;
  readonly backoffMs: number;
}

/** Four connections fill a line of 10 Gbit/s from a CDN; more annoy the server. 30 s: longer than any pause of a server that is alive. */
export const usualPace: Pace = { connections: 4, minPart: 8 * 1024 ** 2, maxPart: 64 * 1024 ** 2, stallMs: 30_000, maxFaults: 8, backoffMs: 500 };

export interface FetchRequest extends Target {
  /** Its hash is known: a server that names it differently each time is no fault. */
  readonly isHashKnown: boolean;
  readonly handle: FileHandle;
  readonly state: FetchState;
  readonly signal: AbortSignal;
}

interface Fetching extends FetchRequest {
  readonly parts: FetchParts;
  /** Parts that are on their way. */
  readonly taken: Set<Range>;
  readonly stop: AbortController;
  /** Starts the other lines, once. */
  spread: () => void;
  /** Undefined until the first answer. */
  ranges: boolean | undefined;
  faults: number;
  changes: number;
}

/** Asks for the first bytes alone: whether the file is there, is no web page, and how long it is. @throws DownloadFault; the signal's reason */
export async function probe(
  target: Target,
  { egress, pace, signal }: Pick<FetchParts, 'egress' | 'pace'> & { readonly signal: AbortSignal },
): Promise<{ readonly bytes: number | null }> {
  const headers = { ...target.headers, 'accept-encoding': 'identity', range: 'bytes=0-1023' };
  const answer = await egress.open({ method: 'GET', url: target.url, headers, timeoutMs: pace.stallMs, signal });
  answer.body.on('error', () => undefined).destroy();
  judge(target, answer);
  const said = answer.status === 200 ? answer.headers['content-length'] : /\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1];
  return { bytes: said !== undefined && /^\d{1,15}$/.test(said) ? Number(said) : null };
}

/** @throws DownloadFault; the signal's reason */
export async function fetchFile(request: FetchRequest, parts: FetchParts): Promise<void> {
  for (let changes = 0; ; changes++) {
    const stop = new AbortController();
    const signal = AbortSignal.any([request.signal, stop.signal]);
    const fetching: Fetching = { ...request, signal, parts, taken: new Set(), stop, spread: () => undefined, ranges: undefined, faults: 0, changes };
    try {
      await work(fetching);
      return;
    } catch (error) {
      request.signal.throwIfAborted();
      if (!(error instanceof DownloadFault) || error.code !== 'changed' || changes > 0) throw error;
      // Begun anew once: a file may be replaced while it comes.
      await reset(request);
    }
  }
}

async function reset({ handle, state }: FetchRequest): Promise<void> {
  await handle.truncate(0);
  Object.assign(state, { validator: null, done: [], bytes: null });
}

/** Lines of requests, one after the other each; the first starts the others once a server has shown that it knows ranges. */
async function work(fetching: Fetching): Promise<void> {
  const { parts, state, stop } = fetching;
  const lines: Promise<void>[] = [];
  const line = async (): Promise<void> => {
    try {
      // Serial: each request is decided by what the others have brought by then.
      for (let part = take(fetching); part !== undefined; part = take(fetching)) await bring(fetching, part);
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const begin = (): void => {
    const one = line();
    // Looked at below: it may fail before anybody waits for it.
    one.catch(() => undefined);
    lines.push(one);
  };
  fetching.spread = () => {
    while (lines.length < parts.pace.connections) begin();
  };
  begin();
  // More may join while these are waited for.
  for (let known = 0; known < lines.length; known++) await Promise.allSettled(lines);
  await Promise.all(lines);
  if (state.bytes !== null && countBytes(state.done) !== state.bytes)
    throw new DownloadFault('size_mismatch', `${fetching.what} has ${state.bytes} bytes, but ${countBytes(state.done)} came`);
}

/** The next part that nobody brings yet; undefined: nothing is left to begin. */
function take(fetching: Fetching): Range | undefined {
  const { state, taken, parts, ranges } = fetching;
  const { bytes, done } = state;
  if (fetching.signal.aborted || (bytes !== null && countBytes(done) === bytes)) return undefined;
  const isAlone = taken.size === 0;
  if (ranges === false) return isAlone ? mark(fetching, [0, bytes ?? Number.MAX_SAFE_INTEGER]) : undefined;
  if (bytes === null) return isAlone ? mark(fetching, [0, parts.pace.minPart]) : undefined;
  const { connections, minPart, maxPart } = parts.pace;
  const covered = [...taken].reduce<readonly Range[]>(addRange, done);
  const size = Math.max(minPart, Math.min(maxPart, Math.ceil((bytes - countBytes(covered)) / connections)));
  const gap = firstGap(covered, bytes, size);
  return gap === undefined ? undefined : mark(fetching, gap);
}

function mark(fetching: Fetching, part: Range): Range {
  fetching.taken.add(part);
  return part;
}

/** One request, tried again after a pause where that may help. What came of it is kept either way. */
async function bring(fetching: Fetching, part: Range): Promise<void> {
  const { parts, signal } = fetching;
  const before = countBytes(fetching.state.done);
  try {
    await ask(fetching, part);
    fetching.faults = 0;
  } catch (error) {
    signal.throwIfAborted();
    const fault = asDownloadFault(error);
    if (!fault.isTransient) throw fault;
    fetching.faults = countBytes(fetching.state.done) > before ? 1 : fetching.faults + 1;
    if (fetching.faults >= parts.pace.maxFaults)
      throw new DownloadFault(fault.code, `${fault.message}; given up after ${fetching.faults} tries without a byte. Resume to try again`, { cause: error });
    const pauseMs = backoffDelayMs({ baseMs: parts.pace.backoffMs, factor: 2, maxMs: 30_000, jitter: 0.5 }, fetching.faults, Math.random());
    await parts.clock.sleep(Math.max(pauseMs, fault.retryAfterMs), signal);
  } finally {
    fetching.taken.delete(part);
  }
}

async function ask(fetching: Fetching, part: Range): Promise<void> {
  const { parts, url, headers } = fetching;
  const range: Record<string, string> = fetching.ranges === false ? {} : { range: `bytes=${part[0]}-${part[1] - 1}` };
  const answer = await parts.egress.open({
    method: 'GET',
    url,
    headers: { ...headers, 'accept-encoding': 'identity', ...range },
    timeoutMs: parts.pace.stallMs,
    signal: fetching.signal,
  });
  try {
    await receive(fetching, part, answer);
  } finally {
    answer.body.on('error', () => undefined).destroy();
  }
}

async function receive(fetching: Fetching, part: Range, answer: EgressStream): Promise<void> {
  const { state } = fetching;
  judge(fetching, answer);
  if (answer.status === 416) return settleEmpty(fetching, answer);
  requireSame(fetching, answer);
  if (answer.status === 200) return receiveWhole(fetching, answer);
  const { from, to, total } = contentRange(fetching, answer);
  requireSize(fetching, total);
  if (from !== part[0])
    throw new DownloadFault('size_mismatch', `${hostOf(fetching)} was asked for bytes from ${part[0]} of ${fetching.what} and sent them from ${from}`);
  state.bytes = total;
  fetching.ranges = true;
  fetching.spread();
  return write(fetching, answer, { from, to: Math.min(to, part[1]) });
}

/** The range was ignored: all of it comes, from the beginning. */
async function receiveWhole(fetching: Fetching, answer: EgressStream): Promise<void> {
  const { state } = fetching;
  const said = answer.headers['content-length'] ?? '';
  const length = /^\d{1,15}$/.test(said) ? Number(said) : null;
  if (length !== null) requireSize(fetching, length);
  if (fetching.ranges === true) throw new DownloadFault('changed', `${hostOf(fetching)} sends no parts of ${fetching.what} any more`);
  fetching.ranges = false;
  state.done = [];
  state.bytes ??= length;
  await write(fetching, answer, { from: 0, to: state.bytes ?? Number.MAX_SAFE_INTEGER });
  state.bytes ??= countBytes(state.done);
}

function requireSame(fetching: Fetching, { headers }: EgressStream): void {
  const validator = headers['etag'] ?? headers['last-modified'] ?? null;
  const { state } = fetching;
  if (state.validator !== null && validator !== null && validator !== state.validator && !(fetching.isHashKnown && fetching.changes > 0))
    throw new DownloadFault('changed', `${fetching.what} changed on ${hostOf(fetching)} while it came; try again when it is settled`);
  state.validator ??= validator;
}

function requireSize(fetching: Fetching, total: number): void {
  const { state } = fetching;
  if (state.bytes !== null && state.bytes !== total)
    throw new DownloadFault('size_mismatch', `${fetching.what} should have ${state.bytes} bytes, but ${hostOf(fetching)} says ${total}`);
}

/** Asked for bytes behind the end: the file is empty, or shorter than was said. */
function settleEmpty(fetching: Fetching, { headers }: EgressStream): void {
  const total = /^bytes \*\/(\d{1,15})$/.exec(headers['content-range'] ?? '')?.[1];
  if (total !== undefined) requireSize(fetching, Number(total));
  if (total !== '0') throw new DownloadFault('size_mismatch', `${hostOf(fetching)} has no such bytes of ${fetching.what}: it is shorter than was said`);
  fetching.state.bytes = 0;
}

async function write(fetching: Fetching, { body }: EgressStream, { from, to }: { readonly from: number; readonly to: number }): Promise<void> {
  const { parts, state, handle } = fetching;
  let at = from;
  const stalled = new DownloadFault('unreachable', `${hostOf(fetching)} sent nothing of ${fetching.what} for ${parts.pace.stallMs} ms`, { isTransient: true });
  const watch = (): (() => void) => parts.clock.after(parts.pace.stallMs, () => body.destroy(stalled));
  let unwatch = watch();
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      unwatch();
      if (at === 0) refusePage(fetching, chunk);
      if (at + chunk.length > to) throw new DownloadFault('size_mismatch', `${hostOf(fetching)} sends more of ${fetching.what} than it said: ${to} bytes`);
      await writeAll(handle, chunk, at);
      state.done = addRange(state.done, [at, at + chunk.length]);
      at += chunk.length;
      parts.onBytes?.(chunk.length);
      unwatch = watch();
    }
  } finally {
    unwatch();
  }
  if (at < to && to !== Number.MAX_SAFE_INTEGER)
    throw new DownloadFault('unreachable', `${hostOf(fetching)} ended after ${at} of ${to} bytes of ${fetching.what}`, { isTransient: true });
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten;
}
