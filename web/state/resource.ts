/** A snapshot with the events after it: loads, follows its rooms, reloads after a reset, heals itself after a failed load.
 *  Pages hold resources; components get their values. */
import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { asApiError } from '../api.ts';
import { live } from '../connection.ts';
import { nextFrame } from './frame.ts';
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
  /** Loads again each so many ms while the tab is in sight: for facts without events. A function is asked with what was loaded. */
  readonly everyMs?: number | ((value: Value) => number) | undefined;
  /** False: nothing is loaded yet. */
  readonly enabled?: boolean | undefined;
}

// A burst of events asks for one reload.
const RELOAD_AFTER_MS = 250;
// A hidden tab looks rarely.
const HIDDEN_MS = 30_000;
const HEAL_MS = [2_000, 4_000, 8_000, 15_000] as const;

/** Loads now and whenever `deps` change. `load` gets a signal that aborts when the page goes. */
export function useResource<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  deps: readonly unknown[],
  options: ResourceOptions<Value> = {},
): Resource<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const error = useSignal<ApiError | undefined>(undefined);
  const loading = useSignal(false);
  const latest = useRef({ load, options });
  latest.current = { load, options };
  const loader = useMemo(() => new Loader<Value>({ value, error, loading, latest }), []);
  useEffect(() => {
    if (options.enabled === false) return undefined;
    value.value = undefined;
    error.value = undefined;
    loader.reload();
    return () => loader.stop();
  }, [...deps, options.enabled]);
  useSignalEffect(() => {
    // Studio is back: what failed meanwhile need not wait for its next try.
    if (live.state.value.kind === 'live' && error.peek()?.status === 0) loader.reload();
  });
  return { value: value.value, error: error.value, loading: loading.value, reload: loader.reload, set: loader.set };
}

interface LoaderParts<Value> {
  readonly value: { value: Value | undefined };
  readonly error: { value: ApiError | undefined };
  readonly loading: { value: boolean };
  readonly latest: { readonly current: { readonly load: (signal: AbortSignal) => Promise<Value>; readonly options: ResourceOptions<Value> } };
}

/** A class, because it has a lifetime: one load, one subscription, one timer at a time. */
class Loader<Value> {
  readonly #parts: LoaderParts<Value>;
  #round: AbortController | undefined;
  #leave: (() => void) | undefined;
  #cancelFrame = (): void => {};
  /** What came since the last frame. */
  #events: Envelope[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #isReloadDue = false;

  constructor(parts: LoaderParts<Value>) {
    this.#parts = parts;
  }

  readonly reload = (): void => void this.#run();

  readonly set = (value: Value): void => {
    this.#parts.value.value = value;
  };

  stop(): void {
    this.#round?.abort();
    clearTimeout(this.#timer);
    this.#unfollow();
  }

  #unfollow(): void {
    this.#leave?.();
    this.#leave = undefined;
    this.#cancelFrame();
    this.#events = [];
  }

  #later(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.reload, delayMs);
  }

  async #run(): Promise<void> {
    this.#round?.abort();
    clearTimeout(this.#timer);
    const mine = new AbortController();
    this.#round = mine;
    this.#isReloadDue = false;
    const { value, error, loading, latest } = this.#parts;
    loading.value = true;
    try {
      const loaded = await latest.current.load(mine.signal);
      if (mine.signal.aborted) return;
      this.#failures = 0;
      value.value = loaded;
      error.value = undefined;
      this.#follow(loaded);
    } catch (fault) {
      if (mine.signal.aborted) return;
      error.value = asApiError(fault);
      this.#failures += 1;
    }
    loading.value = false;
    this.#scheduleNext();
  }

  #scheduleNext(): void {
    const fault = this.#parts.error.value;
    const { everyMs } = this.#parts.latest.current.options;
    const shown = this.#parts.value.value;
    if (fault !== undefined) {
      // What another try can't change is not tried again: refusals, not found.
      if (fault.status === 0 || fault.status >= 500 || fault.status === 429) this.#later(fault.retryAfterMs ?? healMs(this.#failures));
    } else if (everyMs !== undefined && shown !== undefined) {
      const pauseMs = typeof everyMs === 'function' ? everyMs(shown) : everyMs;
      this.#later(document.visibilityState === 'visible' ? pauseMs : HIDDEN_MS);
    }
  }

  #follow(loaded: Value): void {
    const wanted = this.#parts.latest.current.options.follow;
    if (wanted === undefined) return;
    this.#unfollow();
    const cursor = wanted.cursorOf === undefined ? ownCursor(loaded) : wanted.cursorOf(loaded);
    this.#leave = live.subscribe(wanted.rooms, { onEvent: (event) => this.#soon(event), onReset: () => this.#later(0) }, cursor);
  }

  #soon(event: Envelope): void {
    this.#events.push(event);
    if (this.#events.length === 1) this.#cancelFrame = nextFrame(() => this.#apply());
  }

  /** What came together is shown together. */
  #apply(): void {
    const events = this.#events;
    this.#events = [];
    const shown = this.#parts.value.value;
    const wanted = this.#parts.latest.current.options.follow;
    if (shown === undefined || wanted === undefined) return;
    let value: Value = shown;
    for (const event of events) {
      const next = wanted.apply(value, event);
      if (next === 'reload') {
        // Not put off by the events that follow: a busy room would never be read again.
        if (!this.#isReloadDue) this.#later(wanted.reloadAfterMs ?? RELOAD_AFTER_MS);
        this.#isReloadDue = true;
      } else value = next;
    }
    if (value !== shown) this.set(value);
  }
}

function healMs(failures: number): number {
  return HEAL_MS[Math.min(failures, HEAL_MS.length) - 1] ?? 15_000;
}

function ownCursor(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('cursor' in value)) return undefined;
  return typeof value.cursor === 'string' ? value.cursor : undefined;
}
