/** Secrets in expressions: alone, joined with `&`, or inside `$base64encode`. Checked when compiled, evaluated in process where the
 *  step runs, so that no secret ever reaches the expression child, a stored input or a log. Pure. */
import { jsonText } from './expression-text.ts';
import type { Ast } from './expression-ast.ts';
import { compilePlain } from './expression-path.ts';

/** Why this use of secrets is refused; undefined when the form is allowed. */
export function secretFormFault(ast: Ast): string | undefined {
  if (isAllowed(ast)) return undefined;
  return 'a secret can be used alone ({{ secrets.NAME }}), joined with & to texts and plain paths, or inside $base64encode(…); nothing else';
}

function isAllowed(ast: Ast): boolean {
  if (secretNameOf(ast) !== undefined) return true;
  if (ast.type === 'path' && ast.steps?.some((step) => step.value === 'secrets')) return false;
  if (ast.type === 'binary' && ast.value === '&') return isAst(ast.lhs) && isAst(ast.rhs) && isAllowed(ast.lhs) && isAllowed(ast.rhs);
  const inner = base64ArgumentOf(ast) ?? blockOf(ast);
  return inner === undefined ? compilePlain(ast) !== undefined : isAllowed(inner);
}

/** The value of an allowed form. A secret that is not set is refused by `read`. */
export function evaluateSecretForm(ast: Ast, scope: unknown, read: (name: string) => string): string {
  const name = secretNameOf(ast);
  if (name !== undefined) return read(name);
  if (ast.type === 'binary' && isAst(ast.lhs) && isAst(ast.rhs)) return evaluateSecretForm(ast.lhs, scope, read) + evaluateSecretForm(ast.rhs, scope, read);
  const inBase64 = base64ArgumentOf(ast);
  if (inBase64 !== undefined) return Buffer.from(evaluateSecretForm(inBase64, scope, read), 'utf8').toString('base64');
  const inBlock = blockOf(ast);
  if (inBlock !== undefined) return evaluateSecretForm(inBlock, scope, read);
  return jsonText(compilePlain(ast)?.(scope));
}

function secretNameOf(ast: Ast): string | undefined {
  const [head, name, ...more] = ast.type === 'path' && ast.keepSingletonArray !== true ? (ast.steps ?? []) : [];
  const isPlain = head?.type === 'name' && head.value === 'secrets' && head.stages === undefined && name?.type === 'name' && name.stages === undefined;
  return isPlain && more.length === 0 && typeof name.value === 'string' ? name.value : undefined;
}

function base64ArgumentOf(ast: Ast): Ast | undefined {
  const isCall = ast.type === 'function' && ast.procedure?.type === 'variable' && ast.procedure.value === 'base64encode';
  return isCall && ast.arguments?.length === 1 ? ast.arguments[0] : undefined;
}

/** Plain parentheses. */
function blockOf(ast: Ast): Ast | undefined {
  return ast.type === 'block' && ast.expressions?.length === 1 ? ast.expressions[0] : undefined;
}

function isAst(value: unknown): value is Ast {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'type' in value;
}
