/** A row of a table as a phone shows it: its words over two lines, and below them what else is known of it. */
import type { ComponentChildren, JSX } from 'preact';

/** Two lines of words, one of the rest: the `narrowRowPx` of a table whose rows are such. */
export const STACKED_ROW_PX = 72;

export function Stacked(props: { readonly title: ComponentChildren; readonly children: ComponentChildren }): JSX.Element {
  return (
    <span class="stacked">
      <span class="stacked-title">{props.title}</span>
      <span class="stacked-more">{props.children}</span>
    </span>
  );
}
