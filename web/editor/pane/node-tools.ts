/** What the forms of a node need: names for expressions with the data of the last run, and its problems by path. */
import { useComputed } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import type { GraphNode, Problem } from '../../../src/contract/graph.ts';
import type { FormTools } from '../../form/form-context.ts';
import { nodeData, placeOf } from './node-data.ts';
import type { PaneProps } from './pane-props.ts';
import { wordsInPlace } from '../problem-places.ts';

export function useNodeTools(props: PaneProps, node: GraphNode): Omit<FormTools, 'Field'> {
  const { document, lastRun, workflow, types, secrets } = props;
  const definition = document.definition.value;
  const scope = document.scope.value;
  const edges = document.graph.value.edges;
  const results = lastRun.outer.value;
  const input = lastRun.input.value;
  const item = lastRun.item.value;
  // Typing in a form changes params alone: what can be read stays.
  const data = useMemo(
    () =>
      nodeData({
        definition,
        scope,
        key: node.key,
        results,
        types,
        secrets,
        input,
        item,
        workflow: { id: workflow.id, name: workflow.name, version: workflow.version },
      }),
    [edges, definition.nodes.length, scope, node.key, results, input, item, secrets, types],
  );
  const place = placeOf(definition, scope, node.key);
  const problems = useComputed(() => props.problems.value).value;
  const faultAt = useMemo(() => faultsBelow(problems, place), [problems, place]);
  return { data, faultAt, locked: document.locked.value !== undefined, place: `${workflow.id} ${node.key}`, hasExpressions: true };
}

/** The first problem at a path below a place, or anywhere inside what stands there when no field of its own shows it. */
export function faultsBelow(problems: readonly Problem[], place: string): (path: string) => string | undefined {
  const found = new Map<string, string>();
  for (const problem of problems) {
    if (!problem.path.startsWith(`${place}.`)) continue;
    const path = problem.path.slice(place.length + 1);
    if (!found.has(path)) found.set(path, wordsInPlace(problem.message, 'field'));
  }
  return (path) => found.get(path);
}
