/** The instance's graph, coloured as it runs. The drawing is a lazy chunk; a list of the nodes always stands beside it. */
import { useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Definition } from '../../../src/contract/graph.ts';
import type { ApiError } from '../../api.ts';
import { GraphPane } from '../../graph/graph-pane.tsx';
import { graphModel } from '../../graph/model.ts';
import { containersOf } from '../../state/body-counts.ts';
import { useItemCounts } from '../../state/body-steps.ts';
import type { InstancePage } from '../../state/instance.ts';
import { useResource } from '../../state/resource.ts';
import { nodeTypes } from '../../state/workflows.ts';
import { View } from '../../ui/views.tsx';

export interface ShownInstance {
  readonly page: InstancePage;
  /** Of the version it runs; undefined until it is there. */
  readonly definition: Definition | undefined;
  readonly definitionError: ApiError | undefined;
  readonly reloadDefinition: () => void;
  readonly selected: string | undefined;
  readonly onSelect: (path: string | undefined) => void;
}

export function GraphTab(props: ShownInstance): JSX.Element {
  return (
    <View of={{ value: props.definition, error: props.definitionError, reload: props.reloadDefinition }} what="the graph">
      {(definition) => <Drawn {...props} definition={definition} />}
    </View>
  );
}

function Drawn(props: ShownInstance & { readonly definition: Definition }): JSX.Element {
  const types = useResource(async () => await nodeTypes(), []);
  const [none] = useState(() => new Map());
  const { steps } = props.page;
  const containers = useMemo(() => containersOf(props.definition), [props.definition]);
  const begun = [...containers].filter((key) => steps.get(key) !== undefined && steps.get(key)?.status !== 'skipped');
  const items = useItemCounts(props.page.instance.id, begun, props.page.bodySeq);
  const model = useMemo(
    () => graphModel({ definition: props.definition, types: types.value ?? none, steps, items }),
    [props.definition, types.value, steps, items],
  );
  return <GraphPane model={model} definition={props.definition} label="Graph of the instance" selected={props.selected} onSelect={props.onSelect} />;
}
