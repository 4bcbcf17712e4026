/** A snapshot with the events after it: loads, follows its rooms, reloads after a reset, heals itself after a failed load.
 *  Pages hold resources; components get their values. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { asApiError } from '../api.ts';
import { live } from '../connection.ts';
import type { Envelope } from '../../src/contract/events.ts';
import type { ApiError } from '../api.ts';

export interface Resource<Value> {
  readonly value: Value | undefined;
  readonly error: ApiError | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
  /** Sets the value at once, as after a command whose reply is the new state. */
  readonly set: (value: Value) => void;
}

export interface Follow<Value> {
  readonly rooms: readonly string[];
  /** The value after an event: a new one, the same one (no change), or `reload` when the event does not say enough. */
  readonly apply: (value: Value, event: Envelope) => Value | 'reload';
  /** Least time between two reloads that events ask for; default 250 ms. */
  readonly reloadAfterMs?: number | undefined;
  /** Where the snapshot stands; default its own `cursor`. */
  readonly cursorOf?: (value: Value) => string | undefined;
}

export interface ResourceOptions<Value> {
  readonly follow?: Follow<Value> | undefined;
  /** Loads again each so many ms while the tab is in sight: for facts without events. */
  readonly everyMs?: number | undefined;
  /** False: nothing is loaded yet. */
  readonly enabled?: boolean | undefined;
}

// A burst of events asks for one reload.
const RELOAD_AFTER_MS = 250;
const HEAL_MS = [2_000, 4_000, 8_000, 15_000] as const;

/** Loads now and whenever `deps` change. `load` gets a signal that aborts when the page goes. */
export function useResource<Value>(load: (signal: AbortSignal) => Promise<Value>, deps: readonly unknown[], options: ResourceOptions<Value> = {}): Resource<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const loading = useSignal(false);
  const latest = useRef({ load, options });
  latest.current = { load, options };
  const loader = useMemo(() => createLoader<Value>({ value, error, loading, latest }), []);
  useEffect(() => {
    if (options.enabled === false) return undefined;
    value.value = undefined;
    error.value = undefined;
    loader.start();
    return () => loader.stop();
  }, [...deps, options.enabled]);
  return { value: value.value, error: error.value, loading: loading.value, reload: loader.reload, set: loader.set };
}

interface LoaderParts<Value> {
  readonly value: { value: Value | undefined };
  readonly error: { value: ApiError | undefined };
  readonly loading: { value: boolean };
  readonly latest: { readonly current: { readonly load: (signal: AbortSignal) => Promise<Value>; readonly options: ResourceOptions<Value> } };
}

interface Loader<Value> {
  start(): void;
  stop(): void;
  reload(): void;
  set(value: Value): void;
}

function createLoader<Value>(parts: LoaderParts<Value>): Loader<Value> {
  let round: AbortController | undefined;
  let leave: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  let isReloadDue = false;

  const later = (delayMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void run(), delayMs);
  };
  const run = async (): Promise<void> => {
    round?.abort();
    clearTimeout(timer);
    const mine = new AbortController();
    round = mine;
    isReloadDue = false;
    parts.loading.value = true;
    try {
      const loaded = await parts.latest.current.load(mine.signal);
      if (mine.signal.aborted) return;
      failures = 0;
      parts.value.value = loaded;
      parts.error.value = undefined;
      follow(loaded);
    } catch (fault) {
      if (mine.signal.aborted) return;
      parts.error.value = asApiError(fault);
      failures += 1;
    } finally {
      if (!mine.signal.aborted) {
        parts.loading.value = false;
        scheduleNext();
      }
    }
  };
  const scheduleNext = (): void => {
    const fault = parts.error.value;
    if (fault !== undefined) {
      // What another try can't change is not tried again: refusals, not found.
      if (fault.status === 0 || fault.status >= 500 || fault.status === 429) later(fault.retryAfterMs ?? HEAL_MS[Math.min(failures, HEAL_MS.length) - 1] ?? 15_000);
    } else if (parts.latest.current.options.everyMs !== undefined) {
      later(document.visibilityState === 'visible' ? parts.latest.current.options.everyMs : 30_000);
    }
  };
  const follow = (loaded: Value): void => {
    const { follow: wanted } = parts.latest.current.options;
    if (wanted === undefined) return;
    leave?.();
    const cursor = wanted.cursorOf === undefined ? ownCursor(loaded) : wanted.cursorOf(loaded);
    leave = live.subscribe(wanted.rooms, { onEvent: apply, onReset: () => later(0) }, cursor);
  };
  const apply = (event: Envelope): void => {
    const shown = parts.value.value;
    const { follow: wanted } = parts.latest.current.options;
    if (shown === undefined || wanted === undefined) return;
    const next = wanted.apply(shown, event);
    if (next === 'reload') {
      // Not put off by the events that follow: a busy room would never be read again.
      if (!isReloadDue) later(wanted.reloadAfterMs ?? RELOAD_AFTER_MS);
      isReloadDue = true;
    } else if (next !== shown) parts.value.value = next;
  };
  return {
    start: () => void run(),
    reload: () => void run(),
    set: (next) => void (parts.value.value = next),
    stop() {
      round?.abort();
      clearTimeout(timer);
      leave?.();
      leave = undefined;
    },
  };
}

function ownCursor(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('cursor' in value)) return undefined;
  return typeof value.cursor === 'string' ? value.cursor : undefined;
}
