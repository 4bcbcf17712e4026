/** The drawing beside the text: the last text that could be drawn, problems on the cards. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Knowledge } from '../../form/completion.ts';
import type { EditorProblem } from '../../form/problems.ts';
import { GraphPane } from '../../graph/graph-pane.tsx';
import { graphModel } from '../../graph/model.ts';
import type { EditorState } from './editor-state.ts';

export function Preview(props: {
  readonly state: EditorState;
  readonly knowledge: Knowledge;
  readonly problems: readonly EditorProblem[];
  readonly onSelect: (key: string) => void;
}): JSX.Element {
  const definition = props.state.definition.value;
  const [selected, setSelected] = useState<string>();
  const found = props.problems.flatMap((problem) =>
    problem.node === undefined ? [] : [{ node: problem.node, path: '', code: problem.code, message: problem.message }],
  );
  const model = useMemo(() => graphModel({ definition, types: props.knowledge.types, problems: found }), [definition, props.knowledge.types, props.problems]);
  useEffect(() => {
    if (selected !== undefined && !definition.nodes.some((node) => node.key === selected)) setSelected(undefined);
  }, [definition]);
  const select = (key: string | undefined): void => {
    setSelected(key);
    if (key !== undefined) props.onSelect(key);
  };
  return (
    <div class="editor-preview">
      <GraphPane model={model} definition={definition} label="Drawing of the draft" selected={selected} onSelect={select} />
    </div>
  );
}
