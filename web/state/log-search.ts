/** Looks through the whole of a log on the server, piece by piece, and says how far it has come. Whose log it is, who asks for it says. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import { asApiError } from '../api.ts';
import type { ApiError } from '../api.ts';

export interface LogMatch {
  readonly at: number;
  readonly text: string;
}

export interface LogSearchState {
  readonly matches: ReadonlySignal<readonly LogMatch[]>;
  /** Undefined: nothing was asked for yet. Next null: all was looked through. */
  readonly progress: ReadonlySignal<{ readonly done: number; readonly bytes: number; readonly next: number | null } | undefined>;
  readonly isBusy: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<ApiError | undefined>;
  /** From the beginning, for another text. */
  look(text: string): void;
  /** On from where it stopped. */
  goOn(): void;
  stop(): void;
}

/** Asks the server for the lines of a log that hold a text. @throws ApiError */
export type FindInLog = (asked: { readonly text: string; readonly from: number; readonly limit: number }) => Promise<{
  readonly matches: readonly LogMatch[];
  readonly next: number | null;
  readonly bytes: number;
}>;

/** Then it waits to be asked for more: nobody reads so many. */
const ENOUGH = 500;

export function createLogSearch(find: FindInLog): LogSearchState {
  const matches = signal<readonly LogMatch[]>([]);
  const progress = signal<{ done: number; bytes: number; next: number | null } | undefined>(undefined);
  const isBusy = signal(false);
  const error = signal<ApiError | undefined>(undefined);
  let turn = 0;
  let sought = '';

  const run = async (from: number): Promise<void> => {
    const mine = (turn += 1);
    const enough = matches.value.length + ENOUGH;
    isBusy.value = true;
    error.value = undefined;
    try {
      for (let next: number | null = from; next !== null && matches.value.length < enough;) {
        // Serial: each piece begins where the one before ended.
        const reply: Awaited<ReturnType<FindInLog>> = await find({ text: sought, from: next, limit: ENOUGH });
        if (mine !== turn) return;
        matches.value = [...matches.value, ...reply.matches];
        progress.value = { done: reply.next ?? reply.bytes, bytes: reply.bytes, next: reply.next };
        ({ next } = reply);
      }
    } catch (fault) {
      if (mine === turn) error.value = asApiError(fault);
    } finally {
      if (mine === turn) isBusy.value = false;
    }
  };
  return {
    matches,
    progress,
    isBusy,
    error,
    look(text) {
      sought = text;
      matches.value = [];
      progress.value = undefined;
      void run(0);
    },
    goOn: () => void run(progress.value?.next ?? 0),
    stop() {
      turn += 1;
      isBusy.value = false;
    },
  };
}
