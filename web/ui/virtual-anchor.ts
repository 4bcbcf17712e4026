/** Keeps what one looks at in its place while rows come and go above it. Rows are known by marks in rising order. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { RefObject } from 'preact';

export interface Anchor {
  /** Call when it was scrolled. */
  readonly note: () => void;
}

/** @param marks of the rows, each not less than the one before; undefined: rows only come at the end */
export function useAnchor(scroller: RefObject<HTMLElement>, rowPx: number, marks: readonly number[] | undefined): Anchor {
  const held = useRef<{ readonly mark: number; readonly offsetPx: number }>();
  const first = useRef<number>();
  const note = (): void => {
    const element = scroller.current;
    const index = Math.floor((element?.scrollTop ?? 0) / rowPx);
    const mark = marks?.[index];
    held.current = element === null || mark === undefined ? undefined : { mark, offsetPx: element.scrollTop - index * rowPx };
  };
  useLayoutEffect(() => {
    const element = scroller.current;
    const isMoved = marks !== undefined && first.current !== undefined && marks[0] !== first.current;
    first.current = marks?.[0];
    if (!isMoved || element === null || held.current === undefined) return;
    element.scrollTop = rowOf(marks, held.current.mark) * rowPx + held.current.offsetPx;
  }, [marks]);
  return { note };
}

/** Index of the row that holds a place: the last whose mark is not beyond it; 0 where all are. */
export function rowAt(marks: readonly number[], place: number): number {
  return Math.max(0, below(marks, place + 1) - 1);
}

/** Index of the first row with this mark, or of the next. */
function rowOf(marks: readonly number[], mark: number): number {
  return Math.min(below(marks, mark), Math.max(0, marks.length - 1));
}

/** How many marks are less than a value. */
function below(marks: readonly number[], value: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
