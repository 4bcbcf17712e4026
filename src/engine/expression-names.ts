/** The names an expression uses that nothing stands behind: roots of the scope, functions, variables, parts of a step. Pure. */
import { didYouMean } from '../kernel/nearest.ts';
import { namesAtRoot, walk, type Ast } from './expression-ast.ts';

/** Where an expression stands, as far as its names go. */
export interface NameRules {
  /** Roots it may read. */
  readonly roots: readonly string[];
  /** Roots that are there elsewhere, and why not here. */
  readonly elsewhere: Readonly<Record<string, string>>;
}

export interface NameFault {
  readonly code: 'unknown_name' | 'unknown_function' | 'name_not_here';
  readonly message: string;
}

/** What stands for a step: its output, and its error where that was let through. */
const STEP_PARTS = ['output', 'error'];

/** JSONata's own functions (2.2), and none that Studio refuses (`$eval`). A test compares them with the evaluator. */
export const FUNCTIONS: readonly string[] = (
  'sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match contains replace split join ' +
  'formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power random boolean not map zip filter single reduce sift keys ' +
  'lookup append exists spread merge reverse each error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl ' +
  'decodeUrlComponent decodeUrl toMillis fromMillis clone now millis'
).split(' ');

export function nameFaults(ast: Ast, source: string, rules: NameRules): readonly NameFault[] {
  return [...rootFaults(ast, source, rules), ...variableFaults(ast, source)];
}

function rootFaults(ast: Ast, source: string, rules: NameRules): readonly NameFault[] {
  const told = new Set<string>();
  return namesAtRoot(ast).flatMap(([root, member, part]): readonly NameFault[] => {
    if (root === undefined) return [];
    const named = [root, member, part].filter((name) => name !== undefined).join('.');
    if (told.has(named)) return [];
    told.add(named);
    const elsewhere = rules.elsewhere[root];
    if (!rules.roots.includes(root)) {
      return [
        elsewhere === undefined || !Object.hasOwn(rules.elsewhere, root)
          ? {
              code: 'unknown_name',
              message: `"${root}" in "${short(source)}" names nothing${didYouMean(root, rules.roots)}; an expression here reads ${rules.roots.join(', ')}`,
            }
          : { code: 'name_not_here', message: `"${root}" in "${short(source)}" ${elsewhere}` },
      ];
    }
    if (root !== 'steps' || member === undefined || part === undefined || STEP_PARTS.includes(part)) return [];
    return [
      {
        code: 'unknown_name',
        message: `"steps.${member}.${part}" in "${short(source)}" names nothing${didYouMean(part, STEP_PARTS)}; a step has output and error: write steps.${member}.output.${part}`,
      },
    ];
  });
}

function variableFaults(ast: Ast, source: string): readonly NameFault[] {
  const bound = boundVariables(ast);
  const called = new Set<unknown>();
  const unknown = new Map<string, boolean>();
  walk(ast, (node) => {
    if (node.type === 'function' || node.type === 'partial') called.add(node.procedure);
    if (node.type !== 'variable' || typeof node.value !== 'string' || node.value === '' || node.value === '$') return;
    if (!bound.has(node.value) && !FUNCTIONS.includes(node.value)) unknown.set(node.value, called.has(node));
  });
  return [...unknown].map(([name, isCalled]) => ({
    code: 'unknown_function',
    message: isCalled
      ? `there is no function "$${name}" in "${short(source)}"${didYouMean(name, FUNCTIONS, '$')}; write the logic in a code.js step where no function fits`
      : `"$${name}" in "${short(source)}" is given no value${didYouMean(name, [...bound, ...FUNCTIONS], '$')}; data has no "$": write ${name}, or set it first with ( $${name} := …; … )`,
  }));
}

/** Every variable that the expression sets somewhere: by `:=`, as a function's argument, or with `@` and `#` in a path. */
function boundVariables(ast: Ast): ReadonlySet<string> {
  const bound = new Set<string>();
  walk(ast, (node) => {
    const { focus, index } = node as { readonly focus?: unknown; readonly index?: unknown };
    for (const name of [focus, index, node.type === 'index' ? node.value : undefined]) if (typeof name === 'string') bound.add(name);
    if (node.type === 'bind' && node.lhs !== undefined && 'value' in node.lhs) bound.add(String(node.lhs.value));
    if (node.type === 'lambda') for (const argument of node.arguments ?? []) bound.add(String(argument.value));
  });
  return bound;
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
