/** What expressions of a node can read, with the values of the last run: its input, the steps before it, and inside bodies the item. Pure. */
import type { Definition, GraphNode } from '../../../src/contract/graph.ts';
import type { NodeTypeView } from '../../../src/contract/node-types.ts';
import type { ExpressionData, StepName } from '../../form/expression-data.ts';
import { outputFields } from '../../form/output-fields.ts';
import { endOf } from '../../graph/edge-end.ts';
import { largeOf } from '../last-results.ts';
import type { StepResult } from '../last-results.ts';
import { graphAt } from '../scope.ts';
import type { Graph } from '../scope.ts';

export interface NodeDataInput {
  readonly definition: Definition;
  readonly scope: readonly string[];
  /** Of the node; undefined: of what stands before any (an edge, a setting). */
  readonly key: string | undefined;
  /** By key of every scope around too. */
  readonly results: ReadonlyMap<string, StepResult>;
  readonly types: ReadonlyMap<string, NodeTypeView>;
  readonly secrets: readonly string[];
  readonly input: unknown;
  /** Which item of the open body is looked at. */
  readonly item: number;
  readonly workflow: { readonly id: string; readonly name: string; readonly version: number };
}

export function nodeData(about: NodeDataInput): ExpressionData {
  const { definition, scope, results } = about;
  const before = stepsBefore(definition, scope, about.key);
  const steps = Object.fromEntries(
    before.flatMap((node) => {
      const output = results.get(node.key)?.output;
      // What stands for an output that is kept as a file is not what expressions read.
      return output === undefined || largeOf(output) !== undefined ? [] : [[node.key, { output }]];
    }),
  );
  return {
    scope: { input: about.input ?? {}, steps, ...bodyNames(about), instance: instanceSample(about), workflow: about.workflow },
    steps: before.map((node): StepName => ({
      key: node.key,
      title: node.name ?? about.types.get(node.type)?.title ?? node.type,
      type: node.type,
      outputs: outputFields(node.type),
    })),
    secrets: about.secrets,
    names: [],
  };
}

function instanceSample(about: NodeDataInput): object {
  const [first] = about.results.values();
  return { id: first?.instanceId ?? 'inst_', createdAt: first?.endedAt ?? null, startedBy: 'test', labels: {} };
}

/** `item`, `index` … of the open body: from what the map around was given when it ran last. */
function bodyNames({ definition, scope, results, item }: NodeDataInput): Record<string, unknown> {
  let names: Record<string, unknown> = {};
  scope.forEach((key, depth) => {
    const owner = graphAt(definition, scope.slice(0, depth))?.nodes.find((node) => node.key === key);
    const index = depth === scope.length - 1 ? item : 0;
    const own = { item: itemOf(owner, results, index), index };
    names = { ...own, ...(owner?.type === 'loop' ? { previous: null } : {}), ...(depth > 0 ? { parent: names } : {}) };
  });
  return names;
}

/** Of a map whose items are one path: the item of what that path gives. */
function itemOf(owner: GraphNode | undefined, results: ReadonlyMap<string, StepResult>, index: number): unknown {
  const items = owner?.params?.['items'];
  if (Array.isArray(items)) return items[index] ?? null;
  const path = typeof items === 'string' ? /^\s*\{\{\s*steps\.(\w+)\.output((?:\.\w+)*)\s*\}\}\s*$/.exec(items) : null;
  if (path === null) return null;
  const value = (path[2] ?? '')
    .split('.')
    .filter(Boolean)
    .reduce<unknown>(
      (at, name) => (typeof at === 'object' && at !== null ? (at as Readonly<Record<string, unknown>>)[name] : undefined),
      results.get(path[1] ?? '')?.output,
    );
  return Array.isArray(value) ? (value[index] ?? null) : null;
}

/** Every node that has ended when this one begins, the nearest first: of its own graph, and of those around. */
export function stepsBefore(definition: Definition, scope: readonly string[], key: string | undefined): readonly GraphNode[] {
  const found: GraphNode[] = [];
  for (let depth = scope.length; depth >= 0; depth -= 1) {
    const graph = graphAt(definition, scope.slice(0, depth));
    const from = depth === scope.length ? key : scope[depth];
    if (graph !== undefined && from !== undefined) found.push(...nodesBefore(graph, from));
  }
  return found;
}

function nodesBefore(graph: Graph, key: string): readonly GraphNode[] {
  const byKey = new Map(graph.nodes.map((node) => [node.key, node]));
  const leading = Map.groupBy(graph.edges, (edge) => endOf(edge.to).key);
  const seen = new Set([key]);
  const found: GraphNode[] = [];
  for (let round = [key]; round.length > 0;) {
    const next = round.flatMap((to) => (leading.get(to) ?? []).map((edge) => endOf(edge.from).key)).filter((from) => !seen.has(from));
    round = [...new Set(next)];
    for (const from of round) {
      seen.add(from);
      const node = byKey.get(from);
      if (node !== undefined) found.push(node);
    }
  }
  return found;
}

/** Where a node stands in the definition, as the server names places: `nodes[2].params.body.nodes[0]`. */
export function placeOf(definition: Definition, scope: readonly string[], key: string): string {
  const place = [...scope, key].map((name, depth) => {
    const index = graphAt(definition, scope.slice(0, depth))?.nodes.findIndex((node) => node.key === name) ?? -1;
    return `nodes[${index}]`;
  });
  return place.join('.params.body.');
}
