/** A graph as drawing or as list, switched by the reader; the drawing's chunk is fetched when it is first shown. */
import { List, Workflow } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { IconButton } from '../ui/button.tsx';
import { isNarrow } from '../ui/narrow.ts';
import { lazyView } from '../ui/lazy-view.tsx';
import { Empty } from '../ui/views.tsx';
import { GraphList } from './graph-list.tsx';
import type { GraphViewProps } from './graph-view.tsx';

const Drawing = lazyView<GraphViewProps>(async () => (await import('./graph-view.tsx')).GraphView, 'the drawing');

export function GraphPane(props: GraphViewProps): JSX.Element {
  const [mode, setMode] = useState<'drawing' | 'list'>(isNarrow.value ? 'list' : 'drawing');
  if (props.model.cards.length === 0)
    return <Empty title="No nodes yet">A workflow is a list of nodes and the edges between them. Add one in the editor.</Empty>;
  return (
    <div class="graph-pane">
      {mode === 'drawing' ? <Drawing {...props} /> : <GraphList {...props} />}
      <div class={mode === 'list' ? 'graph-mode graph-mode-low' : 'graph-mode'}>
        <IconButton
          size="small"
          label={mode === 'drawing' ? 'Show as a list' : 'Show as a drawing'}
          icon={mode === 'drawing' ? <List size={14} /> : <Workflow size={14} />}
          onClick={() => setMode(mode === 'drawing' ? 'list' : 'drawing')}
        />
      </div>
    </div>
  );
}
