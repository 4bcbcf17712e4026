/** Cuts a text of SQL into its statements, so that each can be run, counted and stopped at by itself. Pure.
 *  Knows what may hold a semicolon that ends nothing: quotes, dollar quotes, comments. Never checks whether the statements are right: PostgreSQL does. */

/** What may stand at a place and reaches further than one character: comments, texts, quoted names, dollar quotes. */
const SPAN = /--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_][A-Za-z0-9_]*)?\$/y;

/** The statements in order, without their semicolons; what holds comments alone is none. */
export function splitStatements(text: string): readonly string[] {
  const statements: string[] = [];
  let from = 0;
  let isEmpty = true;
  const cut = (end: number): void => {
    if (!isEmpty) statements.push(text.slice(from, end).trim());
    from = end + 1;
    isEmpty = true;
  };
  for (let at = 0; at < text.length;) {
    const end = endOfSpan(text, at);
    if (end === undefined) {
      const character = text[at] ?? '';
      if (character === ';') cut(at);
      else if (character.trim() !== '') isEmpty = false;
      at++;
    } else {
      if (!text.startsWith('--', at) && !text.startsWith('/*', at)) isEmpty = false;
      at = end;
    }
  }
  cut(text.length);
  return statements;
}

function endOfSpan(text: string, at: number): number | undefined {
  if (text.startsWith('/*', at)) return endOfComment(text, at);
  SPAN.lastIndex = at;
  const [span] = SPAN.exec(text) ?? [];
  // `e'…'` could hold a quote behind a backslash; no migration uses one.
  if (span === undefined) return undefined;
  if (!span.startsWith('$')) return at + span.length;
  const close = text.indexOf(span, at + span.length);
  return close < 0 ? text.length : close + span.length;
}

/** PostgreSQL's comments may stand in one another. */
function endOfComment(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text.startsWith('/*', i)) depth++;
    else if (text.startsWith('*/', i)) depth--;
    else continue;
    i++;
    if (depth === 0) return i + 1;
  }
  return text.length;
}
