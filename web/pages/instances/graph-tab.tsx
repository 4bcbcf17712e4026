/** The instance's graph, coloured as it runs. The drawing is a lazy chunk; a list of the nodes always stands beside it. */
import { useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { GraphPane } from '../../graph/graph-pane.tsx';
import { graphModel } from '../../graph/model.ts';
import type { GraphModel } from '../../graph/model.ts';
import { countsText } from '../../state/body-counts.ts';
import { useResource } from '../../state/resource.ts';
import { useSlowly } from '../../state/use-slowly.ts';
import { nodeTypes } from '../../state/node-types.ts';
import { Skeleton } from '../../ui/views.tsx';
import type { ShownInstance } from './shown-instance.ts';

// Below this many cards each frame can draw what changed; above, a few times a second is as live as one can follow.
const MANY_CARDS = 150;
const DRAW_MS = 150;

export function GraphTab(props: ShownInstance): JSX.Element {
  const { page } = props;
  const steps = useSlowly(page.steps, page.definition.nodes.length > MANY_CARDS ? DRAW_MS : 0);
  const types = useResource(async () => await nodeTypes(), []);
  const [none] = useState(() => new Map());
  const before = useRef<GraphModel | undefined>(undefined);
  const items = useMemo(() => new Map([...props.counts].map(([path, counts]) => [path, countsText(counts)])), [props.counts]);
  const model = useMemo(
    () => graphModel({ definition: page.definition, types: types.value ?? none, steps, items }, before.current),
    [page.definition, types.value, steps, items],
  );
  before.current = model;
  // A drawing without the types' ports would be laid out twice; one without any says so on its cards.
  if (types.value === undefined && types.error === undefined) return <Skeleton label="Loading the node types" rows={8} />;
  return <GraphPane model={model} definition={page.definition} label="Graph of the instance" selected={props.selected} onSelect={props.onSelect} />;
}
