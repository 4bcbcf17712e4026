/** Data flow: conditions that can't be read, and expressions that name a step which can't have run before. Pure. */
import type { Definition, Problem } from '../contract/graph.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { ExpressionError, type Expression } from './expression.ts';
import { compileCondition, splitEnd } from './graph.ts';
import { compileTemplate, expressionsOf } from './template.ts';

/** @param hasOrder false: the graph has cycles, and "before" means nothing */
export function dataFlowProblems(definition: Definition, types: NodeTypes, hasOrder: boolean): readonly Problem[] {
  const indexOf = new Map(definition.nodes.map((node, index) => [node.key, index]));
  const before = hasOrder ? ancestors(definition, indexOf) : undefined;
  const problems: Problem[] = [];

  const judge = (expression: Expression, options: { node: string | undefined; path: string; at: number | undefined; includesSelf: boolean }): void => {
    for (const key of expression.reads.namedSteps) {
      const index = indexOf.get(key);
      const where = { ...(options.node === undefined ? {} : { node: options.node }), path: options.path };
      if (index === undefined)
        problems.push({ ...where, code: 'unknown_step', message: `"steps.${key}" in "${expression.source}" names no node of this workflow` });
      else if (before !== undefined && options.at !== undefined && !(options.includesSelf && index === options.at) && before[options.at]?.has(index) !== true) {
        const name = definition.nodes[options.at]?.key ?? '';
        const why =
          index === options.at
            ? 'a step can not read its own output'
            : `"${key}" does not come before "${name}": lead an edge from it (mode ["context"] passes data without starting it)`;
        problems.push({ ...where, code: 'step_not_before', message: `"steps.${key}" in "${expression.source}" can't have run: ${why}` });
      }
    }
  };
  const judgeCondition = (source: string, options: Parameters<typeof judge>[1]): void => {
    const where = { ...(options.node === undefined ? {} : { node: options.node }), path: options.path };
    try {
      const expression = compileCondition(source);
      if (expression.hasSecrets) problems.push({ ...where, code: 'secret_use', message: 'a condition can not read secrets' });
      else judge(expression, options);
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      problems.push({ ...where, code: error.code, message: error.message });
    }
  };

  definition.nodes.forEach((node, index) => {
    const type = types.get(node.type);
    if (type !== undefined) {
      const template = compileTemplate(node.params ?? {}, [], { raw: type.rawParams, expressions: type.expressionParams });
      for (const { path, expression } of expressionsOf(template))
        judge(expression, { node: node.key, path: `nodes[${index}].params${path}`, at: index, includesSelf: false });
    }
    if (node.condition !== undefined) judgeCondition(node.condition, { node: node.key, path: `nodes[${index}].condition`, at: index, includesSelf: false });
  });
  definition.edges.forEach((edge, index) => {
    if (edge.when !== undefined)
      judgeCondition(edge.when, { node: undefined, path: `edges[${index}].when`, at: indexOf.get(splitEnd(edge.from).key), includesSelf: true });
  });
  return problems;
}

/** A set of node indexes, a bit each: 2,000 nodes in a row have two million pairs. */
class IndexSet {
  private readonly bits: Uint32Array;
  constructor(size: number) {
    this.bits = new Uint32Array(Math.ceil(size / 32));
  }
  add(index: number): void {
    this.bits[index >>> 5] = (this.bits[index >>> 5] ?? 0) | (1 << (index & 31));
  }
  has(index: number): boolean {
    return ((this.bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
  }
  addAll(other: IndexSet): void {
    for (let i = 0; i < this.bits.length; i++) this.bits[i] = (this.bits[i] ?? 0) | (other.bits[i] ?? 0);
  }
}

/** For each node, those that lead to it by any edge. */
function ancestors(definition: Definition, indexOf: ReadonlyMap<string, number>): readonly IndexSet[] {
  const size = definition.nodes.length;
  const sets = definition.nodes.map(() => new IndexSet(size));
  const next: number[][] = definition.nodes.map(() => []);
  const left: number[] = definition.nodes.map(() => 0);
  for (const edge of definition.edges) {
    const from = indexOf.get(splitEnd(edge.from).key);
    const to = indexOf.get(splitEnd(edge.to).key);
    if (from === undefined || to === undefined) continue;
    next[from]?.push(to);
    left[to] = (left[to] ?? 0) + 1;
  }
  const order = left.flatMap((count, index) => (count === 0 ? [index] : []));
  for (const at of order) {
    const own = sets[at];
    for (const to of next[at] ?? []) {
      if (own !== undefined) sets[to]?.addAll(own);
      sets[to]?.add(at);
      left[to] = (left[to] ?? 0) - 1;
      if (left[to] === 0) order.push(to);
    }
  }
  return sets;
}
