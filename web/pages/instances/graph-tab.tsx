/** The instance's graph, coloured as it runs. The drawing is a lazy chunk; a list of the nodes always stands beside it. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { GraphPane } from '../../graph/graph-pane.tsx';
import { graphModel } from '../../graph/model.ts';
import type { GraphModel } from '../../graph/model.ts';
import { countsText } from '../../state/body-counts.ts';
import { useResource } from '../../state/resource.ts';
import { nodeTypes } from '../../state/workflows.ts';
import type { ShownInstance } from './shown-instance.ts';

export function GraphTab(props: ShownInstance): JSX.Element {
  const { page } = props;
  const types = useResource(async () => await nodeTypes(), []);
  const [none] = useState(() => new Map());
  const before = useRef<GraphModel | undefined>(undefined);
  const items = useMemo(() => new Map([...props.counts].map(([path, counts]) => [path, countsText(counts)])), [props.counts]);
  const model = useMemo(
    () => graphModel({ definition: page.definition, types: types.value ?? none, steps: page.steps, items }, before.current),
    [page.definition, types.value, page.steps, items],
  );
  before.current = model;
  return <GraphPane model={model} definition={page.definition} label="Graph of the instance" selected={props.selected} onSelect={props.onSelect} />;
}
