/** Joins windowing to a scrolling element: the rows to draw now, redrawn on scroll and resize. */
import { useLayoutEffect, useState } from 'preact/hooks';
import { windowOf } from './virtual.ts';
import type { RefObject } from 'preact';
import type { Window } from './virtual.ts';

export function useVirtualRows(scroller: RefObject<HTMLElement>, list: { readonly count: number; readonly rowPx: number }): Window {
  const [view, setView] = useState({ scrollPx: 0, heightPx: 800 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const measure = (): void => {
      // Whole rows: scrolling inside one draws nothing new.
      const scrollPx = Math.floor(element.scrollTop / list.rowPx) * list.rowPx;
      const heightPx = element.clientHeight;
      setView((old) => (old.scrollPx === scrollPx && old.heightPx === heightPx ? old : { scrollPx, heightPx }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, [list.rowPx]);
  return windowOf({ ...list, ...view });
}
