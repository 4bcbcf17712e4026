/** Where in the text of JSON mode something stands: a problem that was asked for, the node that is selected on the canvas. Pure but for taking the ask. */
import { docOf, parsePath, rangeOf } from '../form/json-doc.ts';
import type { JsonPath, Range } from '../form/json-doc.ts';
import { graphAt } from './scope.ts';
import type { EditorSession } from './session.ts';

export function showText(text: string, session: EditorSession): Range | undefined {
  const problem = session.shown.peek();
  const doc = docOf(text);
  if (problem !== undefined) {
    session.shown.value = undefined;
    return rangeOf(doc, parsePath(problem.path));
  }
  const path = selectedPath(session);
  return path === undefined ? undefined : rangeOf(doc, path);
}

function selectedPath({ document }: EditorSession): JsonPath | undefined {
  const [key] = document.selection.peek().nodes;
  if (key === undefined) return undefined;
  const definition = document.definition.peek();
  const path: (string | number)[] = [];
  const scope = document.scope.peek();
  const steps = [...scope, key];
  for (const [depth, step] of steps.entries()) {
    const index = graphAt(definition, scope.slice(0, depth))?.nodes.findIndex((node) => node.key === step) ?? -1;
    if (index < 0) return undefined;
    path.push('nodes', index, ...(depth < scope.length ? ['params', 'body'] : ['key']));
  }
  return path;
}
