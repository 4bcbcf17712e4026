/** A graph as drawing or as list, switched by the reader; the drawing's chunk is fetched when it is first shown. */
import { List, Workflow } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import type { ComponentType, JSX } from 'preact';
import { IconButton } from '../ui/button.tsx';
import { isNarrow } from '../ui/narrow.ts';
import { Empty, ErrorView, Skeleton } from '../ui/views.tsx';
import { GraphList } from './graph-list.tsx';
import type { GraphViewProps } from './graph-view.tsx';

let drawing: ComponentType<GraphViewProps> | undefined;

export function GraphPane(props: GraphViewProps): JSX.Element {
  const [mode, setMode] = useState<'drawing' | 'list'>(isNarrow.value ? 'list' : 'drawing');
  if (props.model.cards.length === 0) return <Empty title="No nodes yet">A workflow is a list of nodes and the edges between them. Add one in the editor.</Empty>;
  return (
    <div class="graph-pane">
      {mode === 'drawing' ? <Drawing {...props} /> : <GraphList {...props} />}
      <div class="graph-mode">
        <IconButton size="small" label={mode === 'drawing' ? 'Show as a list' : 'Show as a drawing'} icon={mode === 'drawing' ? <List size={14} /> : <Workflow size={14} />} onClick={() => setMode(mode === 'drawing' ? 'list' : 'drawing')} />
      </div>
    </div>
  );
}

function Drawing(props: GraphViewProps): JSX.Element {
  const [, redraw] = useState(0);
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    if (drawing !== undefined) return;
    import('./graph-view.tsx').then(
      (module) => {
        drawing = module.default;
        redraw((count) => count + 1);
      },
      (error: unknown) => setFault(error instanceof Error ? error.message : String(error)),
    );
  }, []);
  if (fault !== undefined) return <ErrorView title="The drawing could not be loaded" error={{ code: 'page_load_failed', message: fault }} onRetry={() => window.location.reload()} />;
  const View = drawing;
  return View === undefined ? <Skeleton label="Loading the drawing" rows={6} /> : <View {...props} />;
}
