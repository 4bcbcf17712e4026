/** A draft that is saved as one types and never lost: kept in the browser at once, sent when typing pauses, one request at a time.
 *  Two writers: a refusal (412) stops sending until a person chose theirs or ours. Knows no editor, no page and no fetch. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

export type DraftState =
  | { readonly kind: 'clean' }
  /** Typed, not sent yet. */
  | { readonly kind: 'dirty' }
  | { readonly kind: 'saving' }
  | { readonly kind: 'saved'; readonly at: number }
  /** Not sent; kept in this browser; tried again. */
  | { readonly kind: 'offline'; readonly reason: string }
  /** Someone else saved meanwhile. */
  | { readonly kind: 'conflict' };

export interface SavedDraft {
  readonly etag: string;
}

export interface DraftParts {
  /** Sends. @throws an error with `status` 412 when `etag` is not the newest */
  readonly save: (text: string, etag: string | undefined) => Promise<SavedDraft>;
  /** The browser's copy: survives a crash and a lost connection. */
  readonly keep: (text: string, etag: string | undefined) => void;
  readonly drop: () => void;
  readonly now: () => number;
  readonly later: (run: () => void, delayMs: number) => () => void;
}

export interface Draft {
  readonly state: ReadonlySignal<DraftState>;
  type(text: string): void;
  /** Sends now what is not sent. Resolves when it is stored, or can't be. */
  flush(): Promise<void>;
  /** After a conflict: ours wins over the version with this etag. */
  keepMine(etag: string): Promise<void>;
  /** After a conflict or a publish: what the server holds is what we hold. */
  adopt(etag: string): void;
  etag(): string | undefined;
  stop(): void;
}

// Long enough not to send every key, short enough that a closed tab loses nothing that mattered (the browser has it anyway).
const PAUSE_MS = 600;
const RETRY_MS = 4_000;

export function createDraft(parts: DraftParts, firstEtag: string | undefined): Draft {
  const state = signal<DraftState>({ kind: 'clean' });
  let etag = firstEtag;
  let pending: string | undefined;
  let sending: Promise<void> | undefined;
  let cancelTimer = (): void => {};

  const schedule = (delayMs: number): void => {
    cancelTimer();
    cancelTimer = parts.later(() => void send(), delayMs);
  };

  const send = async (): Promise<void> => {
    cancelTimer();
    if (sending !== undefined) return await sending;
    if (pending === undefined || state.value.kind === 'conflict') return;
    const text = pending;
    state.value = { kind: 'saving' };
    sending = parts
      .save(text, etag)
      .then((saved) => stored(text, saved), refused)
      .finally(() => (sending = undefined));
    await sending;
  };

  const stored = (text: string, saved: SavedDraft): void => {
    etag = saved.etag;
    if (pending === text) {
      pending = undefined;
      parts.drop();
      state.value = { kind: 'saved', at: parts.now() };
      return;
    }
    if (pending !== undefined) parts.keep(pending, etag);
    state.value = { kind: 'dirty' };
    schedule(PAUSE_MS);
  };

  const refused = (error: unknown): void => {
    if (statusOf(error) === 412) {
      state.value = { kind: 'conflict' };
      return;
    }
    state.value = { kind: 'offline', reason: error instanceof Error ? error.message : String(error) };
    schedule(RETRY_MS);
  };

  return {
    state,
    type(text) {
      pending = text;
      parts.keep(text, etag);
      if (state.value.kind === 'conflict') return;
      if (sending === undefined) state.value = { kind: 'dirty' };
      schedule(PAUSE_MS);
    },
    async flush() {
      // Serial: text typed while a request was under way goes in the next one.
      for (let turn = 0; turn < 3 && (pending !== undefined || sending !== undefined); turn += 1) await send();
    },
    async keepMine(newest) {
      etag = newest;
      state.value = { kind: 'dirty' };
      await send();
    },
    adopt(newest) {
      etag = newest;
      pending = undefined;
      cancelTimer();
      parts.drop();
      state.value = { kind: 'clean' };
    },
    etag: () => etag,
    stop: () => cancelTimer(),
  };
}

function statusOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
}
