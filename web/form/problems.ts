/** The problems list of the editor: faults of the text, then what the server's validation found, each with its place. Pure. */
import type { Problem } from '../../src/contract/graph.ts';
import { keyRangeOf, parsePath, rangeOf, syntaxFaults } from './json-doc.ts';
import type { JsonDoc } from './json-doc.ts';

export interface EditorProblem {
  readonly from: number;
  readonly to: number;
  readonly message: string;
  /** `syntax`, or the server's stable code. */
  readonly code: string;
  readonly node: string | undefined;
  /** 1-based. */
  readonly line: number;
}

/** With faults in the text only those: the server has not seen this text. */
export function problemsOf(doc: JsonDoc, found: readonly Problem[]): readonly EditorProblem[] {
  const faults = syntaxFaults(doc);
  if (faults.length > 0) return faults.map((fault) => ({ ...fault, code: 'syntax', node: undefined, line: lineAt(doc.text, fault.from) }));
  return found
    .map((problem) => {
      const path = parsePath(problem.path);
      const range = /unknown_(key|param|field)|unrecognized/.test(problem.code) ? keyRangeOf(doc, path) : rangeOf(doc, path);
      return { ...range, message: problem.message, code: problem.code, node: problem.node, line: lineAt(doc.text, range.from) };
    })
    .toSorted((a, b) => a.from - b.from);
}

function lineAt(text: string, position: number): number {
  let line = 1;
  for (let index = text.indexOf('\n'); index !== -1 && index < position; index = text.indexOf('\n', index + 1)) line += 1;
  return line;
}

/** What a refused body (400) says, as problems: the details of the error name the paths. */
export function problemsOfDetails(details: Readonly<Record<string, unknown>>, message: string): readonly Problem[] {
  const lists = ['problems', 'issues'].map((name) => details[name]).filter((list) => Array.isArray(list));
  const found = lists.flat().flatMap((each: unknown): Problem[] => {
    if (typeof each !== 'object' || each === null) return [];
    const issue = each as Readonly<Record<string, unknown>>;
    const path = Array.isArray(issue['path'])
      ? issue['path'].map((part) => (typeof part === 'number' ? `[${part}]` : `["${String(part)}"]`)).join('')
      : String(issue['path'] ?? '');
    return [
      {
        path,
        code: String(issue['code'] ?? 'invalid_body'),
        message: String(issue['message'] ?? message),
        ...(typeof issue['node'] === 'string' ? { node: issue['node'] } : {}),
      },
    ];
  });
  return found.length > 0 ? found : [{ path: '', code: 'invalid_body', message }];
}
