/** A command that a person gives: busy while it runs, its fault kept for the view, never twice at once. */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { asApiError } from '../api.ts';
import type { ApiError } from '../api.ts';

export interface Action<Input> {
  readonly busy: boolean;
  readonly error: ApiError | undefined;
  /** Runs it; a call while it runs does nothing. @returns whether it succeeded */
  readonly run: (input: Input) => Promise<boolean>;
  readonly clear: () => void;
}

export function useAction<Input = void>(command: (input: Input) => Promise<unknown>): Action<Input> {
  const busy = useSignal(false);
  const error = useSignal<ApiError | undefined>(undefined);
  const latest = useRef(command);
  latest.current = command;
  const run = async (input: Input): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    error.value = undefined;
    try {
      await latest.current(input);
      return true;
    } catch (fault) {
      error.value = asApiError(fault);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy: busy.value, error: error.value, run, clear: () => (error.value = undefined) };
}

/** The fault of one field of a refused body, as the server names it in `details.problems`. */
export function faultOf(error: ApiError | undefined, field: string): string | undefined {
  const problems = error?.details['problems'];
  if (!Array.isArray(problems)) return undefined;
  const found = (problems as readonly { readonly path?: unknown; readonly message?: unknown }[]).find((problem) => problem.path === field);
  return typeof found?.message === 'string' ? found.message : undefined;
}

/** What to say above a form: nothing when each problem stands at one of its `fields`. */
export function formFault(error: ApiError | undefined, fields: readonly string[]): string | undefined {
  if (error === undefined) return undefined;
  const problems = error.details['problems'];
  const isPlaced =
    Array.isArray(problems) &&
    problems.length > 0 &&
    (problems as readonly { readonly path?: unknown }[]).every((problem) => fields.includes(String(problem.path)));
  return isPlaced ? undefined : error.message;
}
