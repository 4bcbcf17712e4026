/** Follows a log until its job has ended: over the live socket, and by one streamed request where that can not be had; resumed where it broke. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { asApiError, readReply } from '../api.ts';
import type { ApiError } from '../api.ts';
import type { Live } from '../live.ts';
import { formatBytes } from '../ui/format.ts';
import { nextFrame } from './frame.ts';
import { appendLog, noLines } from './log-lines.ts';
import type { LogLines, LogText } from './log-lines.ts';

export interface LogStream {
  readonly log: ReadonlySignal<LogLines>;
  /** How many bytes are not in it, because the log grew faster than it can be shown. A line stands in their place. */
  readonly leftOut: ReadonlySignal<number>;
  readonly error: ReadonlySignal<ApiError | undefined>;
  readonly done: ReadonlySignal<boolean>;
  start(): void;
  close(): void;
}

export interface LogStreamParts {
  /** The first byte. Default 0 */
  readonly from?: number;
  /** The address of the log from this byte on. */
  readonly urlFrom: (fromByte: number) => URL;
  /** The socket that carries it, and how that calls the log: a job by its id, `service_log:<name>`. */
  readonly socket?: { readonly live: Pick<Live, 'state' | 'followLog'>; readonly log: string };
}

const RETRY_MS = 2_000;
/** A socket that has not taken the log up by then is not waited for. */
const PATIENCE_MS = 2_000;

export function createLogStream({ from: first = 0, urlFrom, socket }: LogStreamParts): LogStream {
  const log = signal<LogLines>(noLines(first));
  const leftOut = signal(0);
  const error = signal<ApiError | undefined>(undefined);
  const done = signal(false);
  const stop = new AbortController();
  let at = first;
  let waiting: LogText[] = [];
  let cancelFrame = (): void => {};

  const show = (text: LogText): void => {
    if (waiting.length === 0) {
      cancelFrame = nextFrame(() => {
        const came = waiting;
        waiting = [];
        log.value = came.reduce(appendLog, log.value);
      });
    }
    const last = waiting.at(-1);
    if (last === undefined || last.isNote === true || text.isNote === true) waiting.push(text);
    else waiting[waiting.length - 1] = { text: last.text + text.text, at: last.at };
  };
  const skipTo = (byte: number): void => {
    // Before where it was: it began anew, and says so itself.
    if (byte > at) {
      leftOut.value += byte - at;
      show({ text: `\n… ${formatBytes(byte - at)} left out: written faster than can be shown …\n`, at: byte, isNote: true });
    }
    at = byte;
  };

  /** @returns whether the log was read to its end; false: the socket can't be had */
  const viaSocket = ({ live, log: name }: NonNullable<LogStreamParts['socket']>): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const leave = live.followLog(name, at, {
      onReady: () => clearTimeout(patience),
      onText(frame) {
        at = frame.to;
        error.value = undefined;
        show({ text: frame.text, at: frame.from });
      },
      onGap: skipTo,
      onEnd: () => resolve(true),
      onDenied: () => resolve(false),
    });
    const giveUp = (): void => resolve(false);
    const patience = setTimeout(giveUp, PATIENCE_MS);
    const unwatch = live.state.subscribe(({ kind }) => void ((kind === 'polling' || kind === 'ended') && giveUp()));
    stop.signal.addEventListener('abort', giveUp, { once: true });
    if (leave === undefined) giveUp();
    return promise.finally(() => {
      clearTimeout(patience);
      unwatch();
      leave?.();
      stop.signal.removeEventListener('abort', giveUp);
    });
  };

  const viaRequest = async (): Promise<void> => {
    const response = await fetch(urlFrom(at), { signal: stop.signal, credentials: 'same-origin', headers: { 'x-studio-client': 'web' } });
    if (!response.ok || response.body === null) {
      readReply(response, await response.text());
      return;
    }
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    error.value = undefined;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const text = decoder.decode(part.value, { stream: true });
      if (text !== '') show({ text, at });
      at += part.value.length;
    }
    const rest = decoder.decode();
    if (rest !== '') show({ text: rest, at });
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        // Serial: each try goes on where the one before broke.
        const isWhole = socket !== undefined && (await viaSocket(socket));
        if (stop.signal.aborted) return;
        if (!isWhole) await viaRequest();
        done.value = true;
        return;
      } catch (thrown) {
        if (stop.signal.aborted) return;
        const fault = asApiError(thrown);
        error.value = fault;
        if (fault.status >= 400 && fault.status < 500 && fault.status !== 429) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };

  return {
    log,
    leftOut,
    error,
    done,
    start: () => void run(),
    close() {
      stop.abort();
      cancelFrame();
    },
  };
}
