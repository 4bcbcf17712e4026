/** A view whose chunk is fetched when it is first shown. Give `load` from module scope: it is asked once a page. */
import { useEffect, useState } from 'preact/hooks';
import { ErrorView, Skeleton } from './views.tsx';
import type { ComponentType, JSX } from 'preact';

/** @param label what loads, for screen readers: "the editor" */
export function lazyView<Props extends object>(load: () => Promise<ComponentType<Props>>, label: string): (props: Props) => JSX.Element {
  let loaded: ComponentType<Props> | undefined;
  return function LazyView(props: Props): JSX.Element {
    const [, redraw] = useState(0);
    const [fault, setFault] = useState<string>();
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (component) => {
          loaded = component;
          redraw((count) => count + 1);
        },
        (error: unknown) => setFault(error instanceof Error ? error.message : String(error)),
      );
    }, []);
    const View = loaded;
    if (View !== undefined) return <View {...props} />;
    if (fault === undefined) return <Skeleton label={`Loading ${label}`} rows={8} />;
    return (
      <ErrorView
        title={`${label[0]?.toUpperCase() ?? ''}${label.slice(1)} could not be loaded`}
        error={{ code: 'page_load_failed', message: fault }}
        onRetry={() => window.location.reload()}
      />
    );
  };
}
