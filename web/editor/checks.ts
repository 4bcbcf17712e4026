/** The server's judgement of the definition on the screen: asked when editing pauses, the last answer shown until the next. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';
import type { Definition, Problem } from '../../src/contract/graph.ts';
import { asApiError, call } from '../api.ts';
import { problemsOfDetails } from '../form/problems.ts';

export interface Checks {
  readonly problems: ReadonlySignal<readonly Problem[]>;
  readonly checking: ReadonlySignal<boolean>;
  /** The definition changed: asks soon. */
  changed(definition: Definition): void;
  /** What a refused publish says. */
  told(details: Readonly<Record<string, unknown>>, message: string): void;
  stop(): void;
}

// Typing pauses for this long.
const CHECK_MS = 400;

export function createChecks(first: readonly Problem[]): Checks {
  const problems = signal(first);
  const checking = signal(false);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let round: AbortController | undefined;

  const ask = async (definition: Definition): Promise<void> => {
    round?.abort();
    const mine = new AbortController();
    round = mine;
    checking.value = true;
    try {
      const answer = await call('POST /api/v1/workflows/validate', { body: definition, signal: mine.signal });
      if (!mine.signal.aborted) problems.value = answer.problems;
    } catch (thrown) {
      const fault = asApiError(thrown);
      if (mine.signal.aborted) return;
      // Out of reach: the problems shown stay those of the last check.
      if (fault.status === 400 || fault.status === 413) problems.value = problemsOfDetails(fault.details, fault.message);
    } finally {
      if (!mine.signal.aborted) checking.value = false;
    }
  };

  return {
    problems,
    checking,
    changed(definition) {
      clearTimeout(timer);
      timer = setTimeout(() => void ask(definition), CHECK_MS);
    },
    told(details, message) {
      problems.value = problemsOfDetails(details, message);
    },
    stop() {
      clearTimeout(timer);
      round?.abort();
    },
  };
}
