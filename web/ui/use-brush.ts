/** Dragging over a line to choose a part of it: charts and axes. The element's width is the line; shares go from 0 to 1. */
import { useRef, useState } from 'preact/hooks';

export interface Brush {
  /** While one drags: the part so far, from less to more. */
  readonly part: readonly [from: number, to: number] | undefined;
  readonly onPointerDown: (event: PointerEvent & { currentTarget: HTMLElement }) => void;
  readonly onPointerMove: (event: PointerEvent & { currentTarget: HTMLElement }) => void;
  readonly onPointerUp: (event: PointerEvent & { currentTarget: HTMLElement }) => void;
  readonly onPointerCancel: () => void;
}

// A hand that clicks moves a little.
const CLICK_PX = 4;

/** @param parts.onSelect a part was chosen @param parts.onClick it was a click, at this share */
export function useBrush(parts: { readonly onSelect: (from: number, to: number) => void; readonly onClick?: (at: number) => void }): Brush {
  const begun = useRef<number | undefined>(undefined);
  const [part, setPart] = useState<readonly [number, number]>();
  const shareAt = (event: PointerEvent & { currentTarget: HTMLElement }): number => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
  };
  const inOrder = (a: number, b: number): readonly [number, number] => (a < b ? [a, b] : [b, a]);
  return {
    part,
    onPointerDown(event) {
      if (event.button !== 0) return;
      begun.current = shareAt(event);
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove(event) {
      if (begun.current !== undefined) setPart(inOrder(begun.current, shareAt(event)));
    },
    onPointerUp(event) {
      const from = begun.current;
      begun.current = undefined;
      setPart(undefined);
      if (from === undefined) return;
      const to = shareAt(event);
      if (Math.abs(to - from) * event.currentTarget.clientWidth < CLICK_PX) parts.onClick?.(to);
      else parts.onSelect(...inOrder(from, to));
    },
    onPointerCancel() {
      begun.current = undefined;
      setPart(undefined);
    },
  };
}
