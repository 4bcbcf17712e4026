/** Testing while building: which part runs, with which input, and what it needs before it can. One for an open editor.
 *  A part inside a body is tested as the map or loop around it: the API runs nodes of the workflow itself. */
import { signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { TestScope } from '../../src/contract/test-runs.ts';
import type { EditorDocument } from './document.ts';
import type { LastRun } from './last-run.ts';

export interface Tests {
  /** The input is being asked for before this runs. */
  readonly asking: Signal<TestScope | undefined>;
  /** Runs it with the last input; asks for one where the workflow needs some and there is none yet. */
  run(scope: TestScope): void;
  /** Asks for the input first, whatever there is. */
  runWith(scope: TestScope): void;
}

/** What a node's button runs, seen from the workflow itself. */
export function scopeOfNode(document: EditorDocument, kind: 'node' | 'upTo' | 'from', key: string): TestScope {
  return { kind, key: document.scope.peek()[0] ?? key };
}

export function createTests(document: EditorDocument, lastRun: LastRun): Tests {
  const asking = signal<TestScope | undefined>(undefined);
  return {
    asking,
    run(scope) {
      const needsInput = (scope.kind === 'all' || scope.kind === 'upTo') && document.definition.peek().inputSchema !== undefined;
      const input = lastRun.input.peek();
      if (needsInput && input === undefined) asking.value = scope;
      else void lastRun.test(scope, input);
    },
    runWith: (scope) => void (asking.value = scope),
  };
}
