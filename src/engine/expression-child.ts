/** The expression child: a process of its own that evaluates full JSONata and is killed when it takes too long. Holds no secret,
 *  no environment and no state between two evaluations but compiled expressions. Talks JSON over its IPC channel, one at a time. */
import jsonata from 'jsonata';
import type { Json } from '../contract/endpoint.ts';
import { refusedName, resultPositions, type Ast } from './expression-ast.ts';

export interface ChildRequest {
  readonly id: number;
  readonly source: string;
  /** JSON of the scope, reduced to what the expression reads. */
  readonly scope: string;
  /** `inputs`: the source is a JSON Schema, the scope a list of inputs, the value the first fault or null. */
  readonly kind: 'expression' | 'inputs';
}

export type ChildReply = { readonly id: number; readonly value: string } | { readonly id: number; readonly error: string };

/** Recursion is bounded inside as well: a clear message beats a kill. (Its limit of sequences would write over Array's methods, which are frozen.) */
const LIMITS = { stack: 2_000 };
const CACHE_SIZE = 1_000;

const cache = new Map<string, jsonata.Expression>();

function compile(source: string): jsonata.Expression {
  const known = cache.get(source);
  if (known !== undefined) return known;
  const expression = jsonata(source, LIMITS);
  const ast = expression.ast() as unknown as Ast;
  const refused = refusedName(ast);
  if (refused !== undefined) throw new Error(`"${refused}" can't be used in an expression`);
  expression.registerFunction('lookup', safeLookup, '<x-s:x>');
  keepArrays(expression, ast);
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(source, expression);
  return expression;
}

/** $lookup without inherited names. */
function safeLookup(input: unknown, key: string): unknown {
  if (Array.isArray(input)) return input.flatMap((item) => safeLookup(item, key) ?? []);
  return typeof input === 'object' && input !== null && Object.hasOwn(input, key) ? (input as Record<string, unknown>)[key] : undefined;
}

interface Sequence extends Array<unknown> {
  sequence?: boolean;
  keepSingleton?: boolean;
}

/** What a path in a result position has met so far; one per running evaluation of it. */
interface Passage {
  metArray: boolean;
  before: boolean;
}

/** Paths over arrays stay arrays: JSONata's hooks see each result before it collapses a sequence of one or none. */
function keepArrays(expression: jsonata.Expression, ast: Ast): void {
  const passages = new Map<object, Passage[]>();
  const calls = new Set<object>();
  const pathOfStep = new Map<object, Ast>();
  const pathOfPredicate = new Map<object, Ast>();
  for (const node of resultPositions(ast)) {
    if (node.type !== 'path') {
      calls.add(node);
      continue;
    }
    passages.set(node, []);
    for (const step of node.steps ?? []) {
      pathOfStep.set(step, node);
      for (const stage of step.stages ?? []) if (stage.expr !== undefined) pathOfPredicate.set(stage.expr, node);
    }
  }
  const current = (path: Ast | undefined): Passage | undefined => (path === undefined ? undefined : passages.get(path)?.at(-1));
  expression.assign(Symbol.for('jsonata.__evaluate_entry') as unknown as string, (node: object, input: unknown) => {
    passages.get(node)?.push({ metArray: Array.isArray(input) && (input as Sequence).sequence !== true, before: false });
  });
  expression.assign(
    Symbol.for('jsonata.__evaluate_exit') as unknown as string,
    (node: Ast, _input: unknown, _environment: unknown, result: Sequence | undefined) => {
      const passage = current(pathOfStep.get(node));
      if (passage !== undefined) {
        passage.before = passage.metArray;
        const index = node.stages?.[0]?.expr?.type === 'number' ? Math.floor(Number(node.stages[0].expr.value)) : undefined;
        const meets: unknown = index === undefined || !Array.isArray(result) ? result : result.at(index);
        if (Array.isArray(meets) || node.type === 'wildcard' || node.type === 'descendant') passage.metArray = true;
      }
      const filtered = current(pathOfPredicate.get(node));
      if (filtered !== undefined && typeof result === 'number') filtered.metArray = filtered.before;
      const ended = passages.get(node)?.pop();
      if (ended?.metArray !== true && !calls.has(node)) return;
      if (!Array.isArray(result) || result.sequence !== true) return;
      if (result.length === 0) result.sequence = !calls.has(node) ? false : true;
      else result.keepSingleton = true;
    },
  );
}

/** Functions are no data, and a missing value is null. */
function toText(value: unknown): string {
  if (value === undefined || typeof value === 'function') return 'null';
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'function' || isJsonataFunction(item) ? undefined : item)) ?? 'null';
}

function isJsonataFunction(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Object.hasOwn(value, '_jsonata_function') || Object.hasOwn(value, '_jsonata_lambda'));
}

function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return String(message).slice(0, 1_000);
}

/** Evaluates one request. Exported for the property test that compares it with the fast path. */
export async function answer(request: ChildRequest): Promise<ChildReply> {
  try {
    if (request.kind === 'inputs') return { id: request.id, value: await checkInputs(request) };
    return { id: request.id, value: toText(await compile(request.source).evaluate(JSON.parse(request.scope))) };
  } catch (error) {
    return { id: request.id, error: messageOf(error) };
  }
}

/** Loaded when the first schema comes: most children never see one. */
async function checkInputs(request: ChildRequest): Promise<string> {
  const { findInputFault } = await import('./input-schema.ts');
  return JSON.stringify(findInputFault(JSON.parse(request.source) as Record<string, Json>, JSON.parse(request.scope) as readonly Json[]));
}

/** Nothing in this process may change what objects inherit: one evaluation must not reach into the next. */
function freezeIntrinsics(): void {
  for (const intrinsic of [Object, Array, String, Number, Boolean, Function, RegExp, Date, Promise, Map, Set, Error]) {
    Object.freeze(intrinsic.prototype);
    Object.freeze(intrinsic);
  }
  Object.freeze(JSON);
  Object.freeze(Math);
}

if (process.send !== undefined && process.argv.includes('--studio-expressions')) {
  const send = process.send.bind(process);
  process.on('message', (request: ChildRequest) => void answer(request).then((reply) => send(reply)));
  process.on('disconnect', () => process.exit(0));
  freezeIntrinsics();
  // Warm: the first evaluation compiles much of JSONata, and must not count against somebody's 50 ms.
  await answer({ id: 0, kind: 'expression', source: '$sum(input.items[price > 1].price) & "x"', scope: '{"input":{"items":[{"price":1},{"price":2}]}}' });
  send({ id: -1, value: 'ready' } satisfies ChildReply);
}
