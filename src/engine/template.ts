/** Params as templates: JSON whose strings may hold `{{ expression }}` at any depth. Compiled once per version.
 *  A string that is one expression keeps its type; in a longer text a value reads as text. Pure: evaluation is resolve.ts. */
import type { Json } from '../contract/endpoint.ts';
import { compileExpression, ExpressionError, type Expression } from './expression.ts';

export type Template =
  | { readonly kind: 'constant'; readonly value: Json }
  /** The whole string is one expression. */
  | { readonly kind: 'value'; readonly expression: Expression }
  | { readonly kind: 'text'; readonly source: string; readonly parts: readonly (string | Expression)[] }
  | { readonly kind: 'array'; readonly items: readonly Template[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, Template])[] };

/** One expression that can't be used, and where it stands: `.url`, `.items[3]`. */
export interface TemplateFault {
  readonly path: string;
  readonly error: ExpressionError;
}

/** Deeper params are refused: they come from a client, and each level is a call here. */
const MAX_DEPTH = 64;

export interface TemplateOptions {
  /** Stands before the path of each fault. */
  readonly path?: string;
  /** Top-level names that are kept as they stand. */
  readonly raw?: readonly string[] | undefined;
  /** Paths whose strings are expressions with or without braces: `condition`, `cases[].when`. */
  readonly expressions?: readonly string[] | undefined;
}

/** Compiles `value`; faults are collected, and a faulty string stands as a constant. */
export function compileTemplate(value: Json, faults: TemplateFault[], options: TemplateOptions = {}): Template {
  const prefix = options.path ?? '';
  const bare = new Set(options.expressions?.map((path) => `${prefix}.${path}`));
  return compile(value, prefix, 0);

  function compile(part: Json, path: string, depth: number): Template {
    if (typeof part === 'string') return compileString(bare.has(path.replace(/\[\d+\]/g, '[]')) && !part.includes('{{') ? `{{ ${part} }}` : part, path, faults);
    if (typeof part !== 'object' || part === null) return { kind: 'constant', value: part };
    if (depth >= MAX_DEPTH) {
      faults.push({ path, error: new ExpressionError('bad_expression', `params are nested deeper than ${MAX_DEPTH} levels`) });
      return { kind: 'constant', value: part };
    }
    if (Array.isArray(part)) {
      const items = part.map((item, index) => compile(item, `${path}[${index}]`, depth + 1));
      return items.every(isConstant) ? { kind: 'constant', value: part } : { kind: 'array', items };
    }
    const entries = Object.entries(part).map(([key, child]): readonly [string, Template] => {
      const keepsRaw = depth === 0 && options.raw?.includes(key);
      return [key, keepsRaw ? { kind: 'constant', value: child } : compile(child, `${path}.${key}`, depth + 1)];
    });
    return entries.every(([, child]) => isConstant(child)) ? { kind: 'constant', value: part } : { kind: 'object', entries };
  }
}

function isConstant(template: Template): boolean {
  return template.kind === 'constant';
}

function compileString(source: string, path: string, faults: TemplateFault[]): Template {
  if (!source.includes('{{')) return { kind: 'constant', value: source };
  try {
    const parts = splitTemplate(source);
    const [only] = parts;
    if (parts.length === 1 && typeof only === 'object') return { kind: 'value', expression: only };
    return { kind: 'text', source, parts };
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    faults.push({ path, error });
    return { kind: 'constant', value: source };
  }
}

/** Text and expressions in turn. Blanks around a single expression do not make it a text.
 *  @throws ExpressionError */
function splitTemplate(source: string): readonly (string | Expression)[] {
  const parts: (string | Expression)[] = [];
  let at = 0;
  for (let open = source.indexOf('{{'); open >= 0; open = source.indexOf('{{', at)) {
    if (open > at) parts.push(source.slice(at, open));
    const { expression, end } = closeExpression(source, open + 2);
    parts.push(expression);
    at = end;
  }
  if (at < source.length) parts.push(source.slice(at));
  const expressions = parts.filter((part) => typeof part !== 'string');
  const hasText = parts.some((part) => typeof part === 'string' && part.trim() !== '');
  return expressions.length === 1 && !hasText ? expressions : parts;
}

/** An object constructor ends in `}` too, so the first `}}` need not close: the first end that leaves a whole expression does. */
const MAX_ENDS = 50;

function closeExpression(source: string, start: number): { expression: Expression; end: number } {
  let first: unknown;
  let end = source.indexOf('}}', start);
  if (end < 0)
    throw new ExpressionError(
      'bad_expression',
      `"{{" is never closed in "${source.slice(start - 2, start + 60)}"; write {{ "{{" }} for the characters themselves`,
    );
  for (let tries = 0; end >= 0 && tries < MAX_ENDS; tries++, end = source.indexOf('}}', end + 1)) {
    try {
      return { expression: compileExpression(source.slice(start, end).trim()), end: end + 2 };
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

/** Every expression of a template, with its path. */
export function expressionsOf(template: Template, path = ''): readonly { readonly path: string; readonly expression: Expression }[] {
  switch (template.kind) {
    case 'constant':
      return [];
    case 'value':
      return [{ path, expression: template.expression }];
    case 'text':
      return template.parts.filter((part) => typeof part !== 'string').map((expression) => ({ path, expression }));
    case 'array':
      return template.items.flatMap((item, index) => expressionsOf(item, `${path}[${index}]`));
    case 'object':
      return template.entries.flatMap(([key, child]) => expressionsOf(child, `${path}.${key}`));
  }
}
