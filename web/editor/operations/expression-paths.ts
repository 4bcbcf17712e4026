/** Finds what an expression reads by name (`steps.a.output`, `input.x`) and puts something else in its place. Pure, and no parser: it knows
 *  strings, comments and where the context is another (predicates, after a dot), which is what tells a name of the scope from a field of data. */

/** Names that follow each other from the root: `$$.steps.a.output` is steps, a, output. */
export interface PathRead {
  readonly names: readonly string[];
  /** Where the whole begins, and where each name ends. */
  readonly from: number;
  readonly ends: readonly number[];
}

interface Token {
  readonly kind: 'name' | 'string' | 'operand' | 'mark';
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** Every path that begins at the root of the scope. */
export function pathsIn(expression: string): readonly PathRead[] {
  const tokens = tokensOf(expression);
  const found: PathRead[] = [];
  const rooted: boolean[] = [true];
  // `function($v) { … }`: the braces after its arguments are its body, not a grouping.
  const opens: number[] = [];
  let bodyNext = -1;
  for (let index = 0; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token === undefined) break;
    const before = tokens[index - 1];
    if ('([{'.includes(token.text) && token.kind === 'mark') {
      const changes = before?.text === '.' || (token.text !== '(' && index !== bodyNext && isOperand(before));
      opens.push(index);
      rooted.push(rooted.at(-1) === true && !changes);
    } else if (')]}'.includes(token.text) && token.kind === 'mark') {
      if (rooted.length > 1) rooted.pop();
      const open = opens.pop() ?? 0;
      if (tokens[open - 1]?.text === 'function') bodyNext = index + 1;
    } else if (token.kind === 'name' && before?.text !== '.') {
      const absolute = token.text === '$$' || (token.text === '$' && rooted.at(-1) === true);
      if (!absolute && (rooted.at(-1) !== true || token.text.startsWith('$'))) continue;
      const path = pathFrom(tokens, absolute ? index + 2 : index, token.from);
      if (path !== undefined && (!absolute || tokens[index + 1]?.text === '.')) found.push(path);
    }
  }
  return found;
}

function pathFrom(tokens: readonly Token[], start: number, from: number): PathRead | undefined {
  const names: string[] = [];
  const ends: number[] = [];
  for (let index = start; ; index += 2) {
    const token = tokens[index];
    if (token === undefined || (token.kind !== 'name' && !(token.kind === 'string' && index > start))) break;
    names.push(token.kind === 'name' && !token.text.startsWith('`') ? token.text : token.text.slice(1, -1));
    ends.push(token.to);
    if (tokens[index + 1]?.text !== '.') break;
  }
  return names.length === 0 ? undefined : { names, from, ends };
}

const TOKEN =
  /\s+|\/\*[\s\S]*?\*\/|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|\$\$|\$[A-Za-z_]\w*|\$|[A-Za-z_]\w*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\.|:=|~>|[!<>]=|[\s\S]/gu;
const WORDS = new Set(['and', 'or', 'in', 'function']);

function tokensOf(expression: string): readonly Token[] {
  return [...expression.matchAll(TOKEN)].flatMap((match): Token[] => {
    const [text] = match;
    if (/^(\s|\/\*)/.test(text)) return [];
    return [{ kind: kindOf(text), text, from: match.index, to: match.index + text.length }];
  });
}

function kindOf(text: string): Token['kind'] {
  if (/^[A-Za-z_$`]/.test(text)) return WORDS.has(text) ? 'mark' : 'name';
  if (/^["']/.test(text)) return 'string';
  return /^\d/.test(text) ? 'operand' : 'mark';
}

function isOperand(token: Token | undefined): boolean {
  return token !== undefined && (token.kind !== 'mark' || token.text === ')' || token.text === ']' || token.text === '}');
}

/** The expression with other text in place of the paths for which `replace` gives one.
 *  @param replace `of` names may be replaced: all of them, or the first few; the rest stays behind the new text */
export function replacePaths(expression: string, replace: (names: readonly string[]) => { readonly text: string; readonly of: number } | undefined): string {
  let result = '';
  let at = 0;
  for (const path of pathsIn(expression)) {
    const change = replace(path.names);
    const end = change === undefined ? undefined : path.ends[change.of - 1];
    if (change === undefined || end === undefined) continue;
    result += expression.slice(at, path.from) + change.text;
    at = end;
  }
  return result + expression.slice(at);
}
