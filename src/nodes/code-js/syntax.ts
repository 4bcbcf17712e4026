/** Syntax of a code.js step, judged when the workflow is saved. Parses only: nothing of it ever runs here. */
import { parse } from 'acorn';

/** What is wrong with a function body, with its line; undefined when it can be read. */
export function syntaxFault(source: string): string | undefined {
  try {
    // As the sandbox runs it: the body of an async function in a script.
    parse(source, { ecmaVersion: 'latest', sourceType: 'script', allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true, allowHashBang: false });
    return undefined;
  } catch (error) {
    if (error instanceof RangeError || (error instanceof SyntaxError && error.message.startsWith('Not enough stack'))) return 'it is nested too deeply';
    if (!(error instanceof SyntaxError)) throw error;
    const { loc } = error as { readonly loc?: { readonly line: number; readonly column: number } };
    const message = error.message.replace(/ \(\d+:\d+\)$/, '');
    return loc === undefined ? message : `line ${loc.line}, column ${loc.column + 1}: ${message}${quoted(source, loc.line)}`;
  }
}

const MAX_QUOTED_CHARS = 80;

function quoted(source: string, line: number): string {
  const text = source.split('\n', line)[line - 1]?.trim() ?? '';
  return text === '' ? '' : ` in "${text.length > MAX_QUOTED_CHARS ? `${text.slice(0, MAX_QUOTED_CHARS - 1)}…` : text}"`;
}
