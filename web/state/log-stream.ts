/** Follows a log over HTTP: one streamed request, resumed where it broke, until the job has ended. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { asApiError, readReply } from '../api.ts';
import type { ApiError } from '../api.ts';
import { nextFrame } from './frame.ts';
import { appendLog, noLines } from './log-lines.ts';
import type { LogLines } from './log-lines.ts';

export interface LogStream {
  readonly log: ReadonlySignal<LogLines>;
  readonly error: ReadonlySignal<ApiError | undefined>;
  readonly done: ReadonlySignal<boolean>;
  start(): void;
  close(): void;
}

const RETRY_MS = 2_000;

/** @param urlFrom the address of the log from this byte on */
export function createLogStream(urlFrom: (fromByte: number) => URL): LogStream {
  const log = signal<LogLines>(noLines);
  const error = signal<ApiError | undefined>(undefined);
  const done = signal(false);
  const stop = new AbortController();
  let bytes = 0;
  let waiting = '';
  let cancelFrame = (): void => {};

  const show = (text: string): void => {
    if (waiting === '') {
      cancelFrame = nextFrame(() => {
        const chunk = waiting;
        waiting = '';
        log.value = appendLog(log.value, chunk);
      });
    }
    waiting += text;
  };

  const read = async (): Promise<void> => {
    const response = await fetch(urlFrom(bytes), { signal: stop.signal, credentials: 'same-origin', headers: { 'x-studio-client': 'web' } });
    if (!response.ok || response.body === null) {
      readReply(response, await response.text());
      return;
    }
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    error.value = undefined;
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      bytes += part.value.length;
      const text = decoder.decode(part.value, { stream: true });
      if (text !== '') show(text);
    }
    const rest = decoder.decode();
    if (rest !== '') show(rest);
  };

  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        // Serial: each try goes on where the one before broke.
        await read();
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
    error,
    done,
    start: () => void run(),
    close() {
      stop.abort();
      cancelFrame();
    },
  };
}
