/** Steps and the items of maps in memory. */
import type { Json } from '../../contract/endpoint.ts';
import type { Failure } from '../../contract/instances.ts';
import type { StoredStep, StoredWait } from '../../store/stored-steps.ts';
import { parse, type Part } from './answers.ts';
import type { Rows, StepRow } from './rows.ts';

/** Newest rows by path, in the order of their paths. */
function newest(rows: Rows, instanceId: string, isAsked: (row: StepRow) => boolean): StepRow[] {
  const found = new Map<string, StepRow>();
  for (const row of rows.steps.get(instanceId)?.values() ?? [])
    if (isAsked(row) && (found.get(row.path)?.generation ?? 0) < row.generation) found.set(row.path, row);
  return [...found.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function storedStep(row: StepRow): StoredStep {
  const { orgId: _orgId, input: _input, output, error, wait, ...same } = row;
  return {
    ...same,
    output: parse(output),
    hasOutput: output !== null,
    error: parse(error) as Failure | null,
    wait: parse(wait) as unknown as StoredWait | null,
  };
}

export function stepAnswers(
  rows: Rows,
): Part<
  | 'loadSteps'
  | 'loadStepsAt'
  | 'loadStepsUnder'
  | 'listBodyRows'
  | 'readHighestGeneration'
  | 'readItemResults'
  | 'readStepInput'
  | 'writeStepItems'
  | 'readStepItems'
> {
  const itemsKey = (of: { readonly instanceId: string; readonly path: string; readonly generation: number }, chunk: number): string =>
    `${of.instanceId} ${of.path} ${of.generation} ${chunk}`;
  return {
    loadSteps: (ids) => ids.toSorted().flatMap((id) => newest(rows, id, (row) => !row.path.includes('[')).map(storedStep)),
    loadStepsAt: (id, paths) => newest(rows, id, (row) => paths.includes(row.path)).map(storedStep),
    loadStepsUnder: (id, prefix) => newest(rows, id, (row) => row.path.startsWith(prefix) && !row.path.slice(prefix.length).includes('[')).map(storedStep),
    listBodyRows: ({ instanceId, prefix, base }) =>
      newest(rows, instanceId, (row) => row.path.startsWith(prefix) && row.generation > base).map(({ path, generation, status, seq }) => ({
        path,
        generation,
        status,
        seq,
      })),
    readHighestGeneration: (id, prefix) => Math.max(0, ...newest(rows, id, (row) => row.path.startsWith(prefix)).map((row) => row.generation)),
    readItemResults({ instanceId, path, base, indexes }) {
      const wanted = new Map(indexes.map((index) => [`${path}[${index}]`, index]));
      const found = newest(rows, instanceId, (row) => wanted.has(row.path) && row.generation > base);
      return new Map(found.map((row) => [wanted.get(row.path) ?? 0, { output: row.output, error: parse(row.error) as Failure | null }]));
    },
    readStepInput: ({ instanceId, path, generation }) => parse(rows.steps.get(instanceId)?.get(`${path} ${generation}`)?.input ?? null),
    writeStepItems(write) {
      for (let chunk = 0; chunk * write.chunk < write.items.length; chunk++)
        rows.items.set(itemsKey(write, chunk), JSON.stringify(write.items.slice(chunk * write.chunk, (chunk + 1) * write.chunk)));
    },
    readStepItems(read) {
      const text = rows.items.get(itemsKey(read, read.chunk));
      if (text === undefined) throw new Error(`the items ${read.chunk} of ${read.instanceId}/${read.path} are not there`);
      return parse(text) as readonly Json[];
    },
  };
}
