/** Brings a problem into sight: on the canvas its node, in the body that holds it; in JSON mode its place in the text. */
import type { Problem } from '../../src/contract/graph.ts';
import { scopeOfKey } from './scope.ts';
import type { EditorSession } from './session.ts';

/** What has no node (the workflow's settings, a trigger, a fault of the text) is shown in JSON mode when it is of the text, else by selecting nothing:
 *  the pane then shows the workflow's own settings. */
export function showProblem(session: EditorSession, problem: Problem): void {
  const { document, mode } = session;
  if (problem.code === 'syntax') mode.value = 'json';
  if (mode.value === 'canvas') {
    const scope = problem.node === undefined ? undefined : scopeOfKey(document.definition.peek(), problem.node);
    if (scope === undefined) document.select({});
    else {
      if (scope.join(' ') !== document.scope.peek().join(' ')) document.open(scope);
      document.select({ nodes: new Set([problem.node ?? '']) });
    }
  }
  session.shown.value = problem;
}
