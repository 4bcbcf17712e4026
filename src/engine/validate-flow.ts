/** Data flow: expressions that can't be read, that name a step which can't have run before, or something that is not there. Pure.
 *  An expression in a body reads what came before in the same body, and what came before the body's node outside. */
import type { Definition, GraphNode, Problem } from '../contract/graph.ts';
import { didYouMean } from '../kernel/nearest.ts';
import type { NodeTypes } from '../nodes/kit.ts';
import { nameFaults } from './expression-names.ts';
import { compileExpression, ExpressionError, type Expression } from './expression.ts';
import { compileCondition, splitEnd } from './graph.ts';
import { placeOf, type Level } from './levels.ts';
import type { Order } from './order.ts';
import { LIMIT_KEY_NAMES, namesAt } from './validate-names.ts';
import { compileTemplate, expressionsOf } from './template.ts';

/** The level and index of a key. */
export interface Home {
  readonly level: Level;
  readonly index: number;
}

export interface Flow {
  readonly levels: readonly Level[];
  readonly homes: ReadonlyMap<string, Home>;
  /** Without an entry: the level has cycles, and "before" means nothing. */
  readonly orders: ReadonlyMap<Level, Order>;
  readonly types: NodeTypes;
}

/** Who reads, and where that is said. */
interface Reader {
  readonly level: Level;
  /** Undefined: the edge's source is not there. */
  readonly at: number | undefined;
  /** A condition on an edge may read the step it comes from. */
  readonly includesSelf?: boolean;
  /** It is asked again after each turn of a loop. */
  readonly isTurn?: boolean;
  readonly node?: string;
  readonly path: string;
}

export function dataFlowProblems(definition: Definition, flow: Flow): readonly Problem[] {
  return [...flow.levels.flatMap((level) => [...nodeExpressions(level, flow), ...edgeConditions(level, flow)]), ...limitKeys(definition)];
}

function nodeExpressions(level: Level, flow: Flow): readonly Problem[] {
  return level.nodes.flatMap((node, at) => {
    const path = placeOf(level, 'nodes', at);
    const reader = { level, at, node: node.key };
    return [
      ...paramExpressions(node, flow).flatMap(({ path: inner, expression }) => judge(expression, { ...reader, path: `${path}.params${inner}` }, flow)),
      ...turnCondition(node, { ...reader, path: `${path}.params.while`, isTurn: true }, flow),
      ...ownExpressions(node, `${path}.params`, flow),
      ...(node.condition === undefined ? [] : judgeSource(node.condition, { ...reader, path: `${path}.condition` }, flow)),
      ...(node.cache?.key === undefined ? [] : judgeText(node.cache.key, { ...reader, path: `${path}.cache.key` }, flow)),
      ...(node.idempotencyKey === undefined ? [] : judgeText(node.idempotencyKey, { ...reader, path: `${path}.idempotencyKey` }, flow)),
    ];
  });
}

/** Faults of compiling are told by validate-params. */
function paramExpressions(node: GraphNode, flow: Flow): ReturnType<typeof expressionsOf> {
  const type = flow.types.get(node.type);
  if (type === undefined) return [];
  const raw = [...(type.rawParams ?? []), ...(type.bodyParams ?? [])];
  return expressionsOf(compileTemplate(node.params ?? {}, [], { raw, expressions: type.expressionParams }));
}

/** What a loop asks before each turn: kept raw by its type, evaluated by the engine. */
function turnCondition(node: GraphNode, reader: Reader, flow: Flow): readonly Problem[] {
  const source = node.params?.['while'];
  const hasBody = (flow.types.get(node.type)?.bodyParams ?? []).length > 0;
  return hasBody && typeof source === 'string' ? judgeSource(source, reader, flow) : [];
}

/** Expressions that the node's type evaluates itself, over names of its own. */
function ownExpressions(node: GraphNode, path: string, flow: Flow): readonly Problem[] {
  return Object.entries(flow.types.get(node.type)?.ownExpressions ?? {}).flatMap(([param, roots]) => {
    const source = node.params?.[param];
    if (typeof source !== 'string') return [];
    const at = { node: node.key, path: `${path}.${param}` };
    return compiled(at.path, at.node, () => [compileCondition(source)]).flatMap((one) => {
      if ('code' in one) return [one];
      if (one.hasSecrets) return [{ ...at, code: 'secret_use', message: `${param} can not read secrets` }];
      return nameFaults(one.ast, one.source, { roots, elsewhere: {} }).map((fault) => ({ ...at, ...fault }));
    });
  });
}

function edgeConditions(level: Level, flow: Flow): readonly Problem[] {
  return level.edges.flatMap((edge, index) => {
    if (edge.when === undefined) return [];
    const { key } = splitEnd(edge.from);
    const at = level.nodes.findIndex((node) => node.key === key);
    return judgeSource(edge.when, { level, at: at < 0 ? undefined : at, includesSelf: true, path: `${placeOf(level, 'edges', index)}.when` }, flow);
  });
}

/** Keys of limits are evaluated before the first step: they read the start alone. */
function limitKeys(definition: Definition): readonly Problem[] {
  return (['concurrency', 'rateLimit'] as const).flatMap((limit) => {
    const source = definition.settings?.[limit]?.key;
    if (source === undefined) return [];
    const path = `settings.${limit}.key`;
    return compiled(path, undefined, () => [compileCondition(source)]).flatMap((one) => {
      if ('code' in one) return [one];
      if (one.hasSecrets) return [{ path, code: 'secret_use', message: 'the key of a limit can not read secrets' }];
      return nameFaults(one.ast, one.source, LIMIT_KEY_NAMES).map((fault) => ({ path, ...fault }));
    });
  });
}

/** A condition: one expression, with or without braces. */
function judgeSource(source: string, reader: Reader, flow: Flow): readonly Problem[] {
  return judgePlain(reader, flow, 'a condition', () => [compileCondition(source)]);
}

/** A key: an expression without braces, or a text with expressions in it. */
function judgeText(source: string, reader: Reader, flow: Flow): readonly Problem[] {
  return judgePlain(reader, flow, 'a key', () => textExpressions(source));
}

function textExpressions(source: string): readonly Expression[] {
  if (!source.includes('{{')) return [compileExpression(source)];
  const faults: Parameters<typeof compileTemplate>[1] = [];
  const template = compileTemplate(source, faults);
  if (faults[0] !== undefined) throw faults[0].error;
  return expressionsOf(template).map(({ expression }) => expression);
}

function judgePlain(reader: Reader, flow: Flow, what: string, compile: () => readonly Expression[]): readonly Problem[] {
  return compiled(reader.path, reader.node, compile).flatMap((one) => {
    if ('code' in one) return [one];
    return one.hasSecrets ? [problemOf(reader, 'secret_use', `${what} can not read secrets`)] : judge(one, reader, flow);
  });
}

function compiled(path: string, node: string | undefined, compile: () => readonly Expression[]): readonly (Expression | Problem)[] {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return [{ ...(node === undefined ? {} : { node }), path, code: error.code, message: error.message }];
  }
}

function judge(expression: Expression, reader: Reader, flow: Flow): readonly Problem[] {
  const names = nameFaults(expression.ast, expression.source, namesAt(reader.level, reader.isTurn === true));
  const reads = [...expression.reads.namedSteps].flatMap((key) => {
    const fault = readFault(key, reader, flow);
    return fault === undefined ? [] : [problemOf(reader, fault.code, `"steps.${key}" in "${expression.source.slice(0, 200)}" ${fault.message}`)];
  });
  return [...names.map((fault) => problemOf(reader, fault.code, fault.message)), ...reads];
}

function problemOf(reader: Reader, code: string, message: string): Problem {
  return { ...(reader.node === undefined ? {} : { node: reader.node }), path: reader.path, code, message };
}

function readFault(key: string, reader: Reader, flow: Flow): { readonly code: string; readonly message: string } | undefined {
  const home = flow.homes.get(key);
  if (home === undefined) return { code: 'unknown_step', message: `names no node of this workflow${didYouMean(key, flow.homes.keys())}` };
  let { level, at } = reader;
  // From a body, what came before its node outside can be read.
  while (level !== home.level && level.owner !== undefined) ({ level, index: at } = level.owner);
  if (level !== home.level) return { code: 'step_in_body', message: bodyMessage(home, reader.level) };
  const order = flow.orders.get(level);
  if (order === undefined || at === undefined || (reader.includesSelf === true && level === reader.level && at === home.index)) return undefined;
  const name = level.nodes[at]?.key ?? '';
  if (at === home.index) {
    const what = level === reader.level ? 'a step can not read its own output' : `a step in the body of "${name}" can not read the output of "${name}"`;
    return { code: 'step_not_before', message: `can't have run: ${what}` };
  }
  if (order.before[at]?.has(home.index) !== true) {
    const remedy = `lead an edge from it (mode ["context"] passes data without starting it)`;
    return { code: 'step_not_before', message: `can't have run: "${key}" does not come before "${name}": ${remedy}` };
  }
  const excluded = order.excludes(at, home.index);
  if (excluded === undefined) return undefined;
  const [here, there] = excluded;
  const branch = level.nodes[here.node]?.key ?? '';
  const way = (port: string): string => (port === '*' ? 'without an error' : `by "${port}"`);
  return {
    code: 'step_on_other_branch',
    message: `can't have run: "${name}" runs only when "${branch}" leaves ${way(here.port)}, and "${key}" only when it leaves ${way(there.port)}`,
  };
}

/** @param from the level of the reader, which is not inside the home's */
function bodyMessage(home: Home, from: Level): string {
  const around = new Set<Level>();
  for (let level: Level | undefined = from; level !== undefined; level = level.owner?.level) around.add(level);
  let { owner } = home.level;
  while (owner !== undefined && !around.has(owner.level)) ({ owner } = owner.level);
  const key = owner?.node.key ?? '';
  return `is inside the body of "${key}", which may run many times: read steps.${key}.output instead`;
}
