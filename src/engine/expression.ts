/** Expressions: what stands between `{{` and `}}`. Compiles once, tells what an expression reads, and reads plain ones in process.
 *  Never evaluates full JSONata here (one `$pad` can block a process for seconds): evaluator.ts hands that to a child. Pure. */
import jsonata from 'jsonata';
import { isDeeperThan, readsOf, refusedName, type Ast, type Reads } from './expression-ast.ts';
import { compilePlain, type PlainRead } from './expression-path.ts';
import { secretFormFault } from './expression-secrets.ts';

/** A condition or an interpolation longer than this is a program: it belongs into code.js. */
export const MAX_EXPRESSION_CHARS = 10_000;

/** Of operators, calls and brackets in each other: what looks at an expression calls itself for each level. */
const MAX_DEPTH = 500;

export interface Expression {
  readonly source: string;
  readonly ast: Ast;
  readonly reads: Reads;
  /** Set when the expression is plain: reads it from a scope at once. */
  readonly plain: PlainRead | undefined;
  /** It mentions `secrets`: evaluated only where the step runs. */
  readonly hasSecrets: boolean;
}

/** An expression that can't be used: `code` is one of `bad_expression`, `secret_use`. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly code: 'bad_expression' | 'secret_use';
  constructor(code: 'bad_expression' | 'secret_use', message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** Compiled expressions by source: workflows repeat themselves, and each version compiles again. */
const cache = new Map<string, Expression>();
const CACHE_SIZE = 5_000;

/** @throws ExpressionError naming what is wrong and where */
export function compileExpression(source: string): Expression {
  const known = cache.get(source);
  if (known !== undefined) return known;
  if (source.length > MAX_EXPRESSION_CHARS) {
    throw new ExpressionError(
      'bad_expression',
      `the expression has ${source.length} characters, the limit is ${MAX_EXPRESSION_CHARS}; move the logic into a code.js step`,
    );
  }
  const ast = parse(source);
  if (isDeeperThan(ast, MAX_DEPTH))
    throw new ExpressionError('bad_expression', `the expression is nested deeper than ${MAX_DEPTH} levels; move the logic into a code.js step`);
  const refused = refusedName(ast);
  if (refused !== undefined)
    throw new ExpressionError('bad_expression', `"${refused}" can't be used in an expression: it is a name of the language, not of data`);
  const reads = readsOf(ast);
  const hasSecrets = reads.secrets.size > 0 || reads.readsAllSecrets;
  if (hasSecrets) {
    const fault = secretFormFault(ast);
    if (fault !== undefined) throw new ExpressionError('secret_use', fault);
  }
  const expression: Expression = { source, ast, reads, plain: hasSecrets ? undefined : compilePlain(ast), hasSecrets };
  if (cache.size >= CACHE_SIZE) cache.clear();
  cache.set(source, expression);
  return expression;
}

function parse(source: string): Ast {
  if (source.trim() === '') throw new ExpressionError('bad_expression', 'the expression is empty; write a path such as input.name');
  try {
    return jsonata(source).ast() as unknown as Ast;
  } catch (cause) {
    // JSONata throws plain objects with code, position and message; a deep nest overflows its parser's stack.
    if (cause instanceof RangeError) throw new ExpressionError('bad_expression', 'the expression is nested too deeply', { cause });
    const { message, position } = cause as { message?: string; position?: number };
    throw new ExpressionError(
      'bad_expression',
      `${message ?? 'it can not be read'}${position === undefined ? '' : ` (at character ${position} of "${shorten(source)}")`}`,
      { cause },
    );
  }
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
