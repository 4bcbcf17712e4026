/** What each node of an open scope gave last, joined from what the server remembers and the run that is followed. Pure.
 *  One thing to know: a step of the followed run goes before what is remembered, unless it only stood in for the node. */
import type { ItemCounts, Step } from '../../src/contract/instances.ts';
import type { LastOutput } from '../../src/contract/test-runs.ts';
import type { StepStatus } from '../../src/contract/values.ts';

/** The last result of a node, as far as it is known. */
export interface StepResult {
  readonly key: string;
  /** Of its step; inside a body that of the item that is looked at. */
  readonly path: string;
  readonly instanceId: string;
  readonly isTest: boolean;
  readonly status: StepStatus;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Length of a list, items of a map; undefined when it is neither or not known. */
  readonly items: number | undefined;
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** Undefined: not read yet, or too large to be told with others; the step itself has it. */
  readonly output: unknown;
  /** What of it changed last: read the step again when it differs. */
  readonly seq: number;
}

/** The path of the steps of a scope: `each[2]/inner[0]/`; '' for the workflow itself. Of bodies further out it is the first item. */
export function prefixOf(scope: readonly string[], item: number): string {
  return scope.map((key, depth) => `${key}[${depth === scope.length - 1 ? item : 0}]/`).join('');
}

export function rememberedResults(items: readonly LastOutput[], keys: ReadonlySet<string>): ReadonlyMap<string, StepResult> {
  return new Map(
    items
      .filter((last) => keys.has(last.key))
      .map((last) => [
        last.key,
        {
          ...{ key: last.key, path: last.path, instanceId: last.instanceId, isTest: last.isTest, status: last.status, startedAt: null, endedAt: last.endedAt },
          ...{ items: last.isLeftOut ? undefined : itemsOf(last.output), error: undefined, output: last.isLeftOut ? undefined : last.output, seq: 0 },
        },
      ]),
  );
}

interface Followed {
  readonly instanceId: string;
  readonly isTest: boolean;
  readonly steps: ReadonlyMap<string, Step>;
  readonly counts: Readonly<Record<string, ItemCounts>>;
  /** Keys that other outputs stood for. */
  readonly answered: ReadonlySet<string>;
  /** Outputs that were read, by path and sequence. */
  readonly outputs: ReadonlyMap<string, { readonly seq: number; readonly output: unknown }>;
}

export function followedResults(keys: ReadonlySet<string>, prefix: string, run: Followed): ReadonlyMap<string, StepResult> {
  const found = new Map<string, StepResult>();
  for (const key of keys) {
    const step = run.steps.get(`${prefix}${key}`);
    if (step === undefined || run.answered.has(key)) continue;
    const held = run.outputs.get(step.path);
    const output = step.output ?? (held?.seq === step.seq ? held.output : undefined);
    found.set(key, {
      ...{ key, path: step.path, instanceId: run.instanceId, isTest: run.isTest, status: step.status, startedAt: step.startedAt, endedAt: step.endedAt },
      ...{ items: run.counts[step.path]?.total ?? itemsOf(output), error: step.error, output, seq: step.seq },
    });
  }
  return found;
}

/** How many things an output holds: of a list, or of the one list that a map gives. */
export function itemsOf(output: unknown): number | undefined {
  if (Array.isArray(output)) return output.length;
  const inner = typeof output === 'object' && output !== null && 'items' in output ? output.items : undefined;
  return Array.isArray(inner) ? inner.length : undefined;
}

/** An output that is kept as a file: what its row holds in its place. */
export function largeOf(output: unknown): { readonly id: string; readonly bytes: number } | undefined {
  const held = typeof output === 'object' && output !== null && '$artifact' in output ? output.$artifact : undefined;
  if (typeof held !== 'object' || held === null || !('id' in held) || !('bytes' in held)) return undefined;
  return typeof held.id === 'string' && typeof held.bytes === 'number' ? { id: held.id, bytes: held.bytes } : undefined;
}
