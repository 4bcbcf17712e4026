/** Shows a page whose chunk is still on its way: skeleton, then the page; a chunk that can't be had says so.
 *  After an upgrade of Studio the old chunk's name is gone: one reload brings the new page. */
import { useEffect, useState } from 'preact/hooks';
import { ErrorView, Skeleton } from '../ui/views.tsx';
import type { JSX } from 'preact';
import type { PageComponent, PageRow } from './pages.ts';

const loaded = new Map<PageRow, PageComponent>();
const RELOADED_KEY = 'studio.reloaded';

export function LazyPage(props: { readonly row: PageRow; readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const { row } = props;
  const [, redraw] = useState(0);
  const [fault, setFault] = useState<string>();
  useEffect(() => {
    if (loaded.has(row)) return;
    row.ahead?.(props.params);
    row.load().then(
      (component) => {
        loaded.set(row, component);
        sessionStorage.removeItem(RELOADED_KEY);
        redraw((count) => count + 1);
      },
      (error: unknown) => {
        if (sessionStorage.getItem(RELOADED_KEY) === null) {
          sessionStorage.setItem(RELOADED_KEY, 'yes');
          window.location.reload();
          return;
        }
        setFault(error instanceof Error ? error.message : String(error));
      },
    );
  }, [row]);
  const Component = loaded.get(row);
  if (Component !== undefined) return <Component params={props.params} />;
  if (fault !== undefined)
    return <ErrorView title="This page could not be loaded" error={{ code: 'page_load_failed', message: fault }} onRetry={() => window.location.reload()} />;
  return <Skeleton rows={8} label="Loading the page" />;
}
