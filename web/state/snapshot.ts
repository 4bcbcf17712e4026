/** A snapshot kept fresh: loaded once, then changed by the events after its cursor; loaded again on a gap or a reset.
 *  Events that arrive together are applied together (once a frame). Knows no socket and no page: its ports are handed in. */
import { batch, signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { Envelope } from '../../src/contract/events.ts';
import { asApiError } from '../api.ts';
import type { ApiError } from '../api.ts';
import type { Live } from '../live.ts';

/** What applying an event asks for: the new value (or the same), or a new snapshot. */
export type Change<Value> = { readonly value: Value } | 'reload';

interface BaseParts<Value extends object> {
  readonly load: (stop: AbortSignal) => Promise<{ readonly value: Value; readonly cursor: string }>;
  readonly rooms: readonly string[];
  readonly live: Pick<Live, 'subscribe'>;
  /** Runs soon, together with what else is due: a frame in the browser, at once in tests. @returns cancel */
  readonly soon: (run: () => void) => () => void;
  /** Runs after a time. @returns cancel */
  readonly later?: (run: () => void, delayMs: number) => () => void;
}

/** Events are applied one by one, or, where a value is costly to copy, those that came together at once. */
export type SnapshotParts<Value extends object> = BaseParts<Value> &
  ({ readonly apply: (value: Value, event: Envelope) => Change<Value> } | { readonly applyAll: (value: Value, events: readonly Envelope[]) => Change<Value> });

// A load that failed for a reason that passes is tried again by itself, as often as a person would.
const HEAL_MS = 4_000;

export interface Snapshot<Value extends object> {
  readonly value: ReadonlySignal<Value | undefined>;
  readonly error: ReadonlySignal<ApiError | undefined>;
  readonly loading: ReadonlySignal<boolean>;
  start(): void;
  reload(): Promise<void>;
  /** Changes the value from outside of the stream: a page that was added, an answer to a command. */
  change(to: (value: Value) => Value): void;
  close(): void;
}

export function createSnapshot<Value extends object>(parts: SnapshotParts<Value>): Snapshot<Value> {
  const value = signal<Value | undefined>(undefined);
  const error = signal<ApiError | undefined>(undefined);
  const loading = signal(false);
  let stop = new AbortController();
  let leave = (): void => {};
  let cancelSoon = (): void => {};
  let cancelHeal = (): void => {};
  let waiting: Envelope[] = [];
  let closed = false;

  const flush = (): void => {
    cancelSoon = () => {};
    const events = waiting;
    waiting = [];
    const old = value.value;
    if (old === undefined) return;
    const change = 'applyAll' in parts ? parts.applyAll(old, events) : applyEach(parts.apply, old, events);
    if (change === 'reload') return void reload();
    if (change.value !== old) value.value = change.value;
  };

  const listen = (cursor: string): void => {
    leave();
    waiting = [];
    leave = parts.live.subscribe(
      parts.rooms,
      {
        onEvent(event) {
          waiting.push(event);
          if (waiting.length === 1) cancelSoon = parts.soon(flush);
        },
        onReset: () => void reload(),
      },
      cursor,
    );
  };

  const reload = async (): Promise<void> => {
    if (closed) return;
    stop.abort();
    cancelHeal();
    stop = new AbortController();
    const mine = stop;
    loading.value = true;
    try {
      const loaded = await parts.load(mine.signal);
      if (mine.signal.aborted) return;
      batch(() => {
        value.value = loaded.value;
        error.value = undefined;
        loading.value = false;
      });
      listen(loaded.cursor);
    } catch (thrown) {
      if (mine.signal.aborted) return;
      const fault = asApiError(thrown);
      batch(() => {
        error.value = fault;
        loading.value = false;
      });
      if (fault.status === 0 || fault.status >= 500 || fault.status === 429)
        cancelHeal = (parts.later ?? timer)(() => void reload(), Math.max(HEAL_MS, fault.retryAfterMs ?? 0));
    }
  };

  return {
    value,
    error,
    loading,
    start: () => void reload(),
    reload,
    change(to) {
      if (value.value !== undefined) value.value = to(value.value);
    },
    close() {
      closed = true;
      stop.abort();
      leave();
      cancelSoon();
      cancelHeal();
    },
  };
}

function applyEach<Value>(apply: (value: Value, event: Envelope) => Change<Value>, old: Value, events: readonly Envelope[]): Change<Value> {
  let value = old;
  for (const event of events) {
    const change = apply(value, event);
    if (change === 'reload') return change;
    value = change.value;
  }
  return { value };
}

function timer(run: () => void, delayMs: number): () => void {
  const id = setTimeout(run, delayMs);
  return () => clearTimeout(id);
}
