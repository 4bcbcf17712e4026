/** What is known of a JSONata expression before it runs: names that are refused, what it reads, and where arrays must stay arrays.
 *  Pure; shared by the compiler in the main process and by expression-child.ts. Never evaluates anything. */

/** A node of JSONata's syntax tree, as far as it is looked at. */
export interface Ast {
  readonly type: string;
  readonly value?: unknown;
  readonly position?: number;
  readonly steps?: readonly Ast[];
  readonly stages?: readonly Ast[];
  readonly predicate?: readonly Ast[];
  readonly expr?: Ast;
  readonly arguments?: readonly Ast[];
  readonly procedure?: Ast;
  readonly body?: Ast;
  readonly lhs?: Ast | readonly (readonly [Ast, Ast])[];
  readonly rhs?: Ast;
  readonly then?: Ast;
  readonly else?: Ast;
  readonly expressions?: readonly Ast[];
  readonly keepSingletonArray?: boolean;
}

/** Names that every JavaScript object has: reaching for them is never about data. */
const REFUSED = new Set([...Object.getOwnPropertyNames(Object.prototype), 'prototype']);

/** Functions whose answer changes without their input changing. */
const CLOCK_FUNCTIONS = new Set(['now', 'millis', 'random', 'shuffle']);

/** What an expression reads. */
export interface Reads {
  /** Roots of the scope (`input`, `steps`, …) that it may touch; null: any. */
  readonly roots: ReadonlySet<string> | null;
  /** Step keys whose outputs it may touch; null: any. */
  readonly steps: ReadonlySet<string> | null;
  /** Step keys it names for certain, at the root: what validation judges. */
  readonly namedSteps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  /** It reads `secrets` in a way that names no single one. */
  readonly readsAllSecrets: boolean;
  /** The same scope always gives the same value. */
  readonly isDeterministic: boolean;
}

/** The first refused name in the tree, or undefined. */
export function refusedName(ast: Ast): string | undefined {
  let found: string | undefined;
  walk(ast, (node) => {
    const named = node.type === 'name' || node.type === 'string' || node.type === 'variable';
    if (named && typeof node.value === 'string' && REFUSED.has(node.value)) found ??= node.value;
    if (node.type === 'variable' && node.value === 'eval') found ??= '$eval';
  });
  return found;
}

/** Calls `visit` for every node, parents first. Trees may share nodes; each is visited once. */
export function walk(ast: Ast, visit: (node: Ast) => void): void {
  const seen = new Set<object>();
  const stack: unknown[] = [ast];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (isAst(value)) visit(value);
    for (const child of Object.values(value).toReversed()) if (typeof child === 'object' && child !== null) stack.push(child);
  }
}

/** Whether nodes stand deeper in each other than `limit`. Without recursion: what is too deep for others is not too deep for this. */
export function isDeeperThan(ast: Ast, limit: number): boolean {
  const seen = new Set<object>();
  const stack: { readonly value: unknown; readonly depth: number }[] = [{ value: ast, depth: 0 }];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { value, depth } = top;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (depth > limit) return true;
    const next = isAst(value) ? depth + 1 : depth;
    for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) stack.push({ value: child, depth: next });
  }
  return false;
}

function isAst(value: object): value is Ast {
  return 'type' in value && typeof value.type === 'string';
}

export function readsOf(ast: Ast): Reads {
  const roots = new Set<string>();
  const steps = new Set<string>();
  const secrets = new Set<string>();
  let allSteps = false;
  let readsAllSecrets = false;
  let isDeterministic = true;
  walk(ast, (node) => {
    if (node.type === 'variable' && CLOCK_FUNCTIONS.has(String(node.value))) isDeterministic = false;
    const path = node.type === 'path' ? (node.steps ?? []) : [];
    path.forEach((step, index) => {
      if (step.type !== 'name' || typeof step.value !== 'string') return;
      const next = path[index + 1];
      const member = next?.type === 'name' && typeof next.value === 'string' && step.stages === undefined ? next.value : undefined;
      roots.add(step.value);
      if (step.value === 'steps') member === undefined ? (allSteps = true) : steps.add(member);
      if (step.value === 'secrets') member === undefined ? (readsAllSecrets = true) : secrets.add(member);
    });
  });
  const any = mentionsWhole(ast);
  return { roots: any ? null : roots, steps: any || allSteps ? null : steps, namedSteps: stepsNamedAtRoot(ast), secrets, readsAllSecrets, isDeterministic };
}

/** Whether something in the tree can see the scope as a whole without naming a root. `$.steps.a` names what it reads, a bare `$` anything. */
function mentionsWhole(ast: Ast): boolean {
  const isContext = (node: Ast | undefined): boolean => node?.type === 'variable' && (node.value === '$' || node.value === '');
  const namingHeads = new Set<Ast>();
  walk(ast, (node) => {
    const [head, next] = node.type === 'path' ? (node.steps ?? []) : [];
    if (head !== undefined && isContext(head) && next?.type === 'name') namingHeads.add(head);
  });
  let whole = false;
  walk(ast, (node) => {
    if (['wildcard', 'descendant', 'parent', 'transform'].includes(node.type)) whole = true;
    if (isContext(node) && !namingHeads.has(node)) whole = true;
    // A builtin called with nothing takes the context, which may be the whole scope.
    if (node.type === 'function' && (node.arguments ?? []).length === 0 && !CLOCK_FUNCTIONS.has(String(node.procedure?.value))) whole = true;
  });
  return whole;
}

function stepsNamedAtRoot(ast: Ast): ReadonlySet<string> {
  return new Set(namesAtRoot(ast).flatMap(([root, key]) => (root === 'steps' && key !== undefined ? [key] : [])));
}

/** Paths by their leading names (`steps.a.output` → steps, a, output) where the context is certainly the scope: outside predicates, groups,
 *  transforms and later steps of a path, or after `$$`. */
export function namesAtRoot(ast: Ast): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  const seen = [new Set<object>(), new Set<object>()] as const;
  const visit = (value: unknown, atRoot: boolean): void => {
    if (typeof value !== 'object' || value === null) return;
    const visited = seen[atRoot ? 1 : 0];
    if (visited.has(value)) return;
    visited.add(value);
    if (Array.isArray(value)) return value.forEach((one) => visit(one, atRoot));
    if (!isAst(value)) return Object.values(value).forEach((child) => visit(child, atRoot));
    if (value.type !== 'path') {
      // Another context: that of each item they are applied to.
      for (const [name, child] of Object.entries(value)) visit(child, atRoot && value.type !== 'transform' && !['predicate', 'stages', 'group'].includes(name));
      return;
    }
    const { steps = [], type: _path, ...rest } = value;
    const absolute = steps[0]?.type === 'variable' && (steps[0].value === '$' || (atRoot && steps[0].value === ''));
    if (atRoot || absolute) found.push(leadingNames(absolute ? steps.slice(1) : steps));
    const { stages, ...head } = steps[0] ?? { type: 'none' };
    visit(head, atRoot);
    visit([stages, steps.slice(1), rest], false);
  };
  visit(ast, true);
  return found;
}

/** Up to the first step that is no plain name; one with a filter still counts. */
function leadingNames(steps: readonly Ast[]): readonly string[] {
  const end = steps.findIndex((step) => step.type !== 'name' || typeof step.value !== 'string');
  const plain = end < 0 ? steps : steps.slice(0, end);
  const filtered = plain.findIndex((step) => step.stages !== undefined);
  return (filtered < 0 ? plain : plain.slice(0, filtered + 1)).map((step) => String(step.value));
}

/** Nodes whose value becomes part of the result as it stands: there, path, filter and function results over arrays stay arrays.
 *  Elsewhere (operands, arguments, predicates) JSONata's own rule holds, so that `items[id=5].name = "x"` compares as everybody expects. */
export function resultPositions(ast: Ast): readonly Ast[] {
  const found = new Set<Ast>();
  const visit = (node: Ast | undefined): void => {
    if (node === undefined || found.has(node)) return;
    if (node.type === 'path' || node.type === 'function' || node.type === 'apply') found.add(node);
    if (node.type === 'condition') [node.then, node.else].forEach(visit);
    if (node.type === 'block') visit(node.expressions?.at(-1));
    if (node.type === 'unary' && node.value === '{' && Array.isArray(node.lhs)) for (const pair of node.lhs) visit(pair[1]);
    // Objects made for each item of a path: `items.{ "tags": tags.name }`.
    if (node.type === 'path') visit(node.steps?.at(-1)?.type === 'unary' ? node.steps?.at(-1) : undefined);
  };
  visit(ast);
  return [...found];
}
