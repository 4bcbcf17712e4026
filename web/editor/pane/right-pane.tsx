/** The right pane of the editor: of one selected node its form, of nothing the workflow's settings, of several what can be said of them. */
import type { JSX } from 'preact';
import { NodePane } from './node-pane.tsx';
import type { PaneProps } from './pane-props.ts';
import { TestDialog } from './test-dialog.tsx';
import { TestState } from './test-state.tsx';
import { WorkflowPane } from './workflow-pane.tsx';

/** @param props `several`: what stands there while more than one node is selected */
export function RightPane(props: PaneProps & { readonly several: JSX.Element }): JSX.Element {
  const { document } = props;
  const { nodes, comments } = document.selection.value;
  const graph = document.graph.value;
  const [only] = nodes.size === 1 ? graph.nodes.filter((node) => nodes.has(node.key)) : [];
  return (
    <>
      <TestState lastRun={props.lastRun} tests={props.tests} />
      {only !== undefined ? (
        <NodePane key={`${document.scope.value.join('/')} ${only.key}`} {...props} node={only} />
      ) : nodes.size > 1 ? (
        props.several
      ) : comments.size > 0 ? (
        <p class="pane-body muted">A comment says things to people. It is edited where it stands.</p>
      ) : (
        <WorkflowPane {...props} />
      )}
      <TestDialog document={document} lastRun={props.lastRun} tests={props.tests} />
    </>
  );
}
