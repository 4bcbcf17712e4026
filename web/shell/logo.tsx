/** The mark of Studio. */
import type { JSX } from 'preact';

export function Logo(props: { readonly size?: number }): JSX.Element {
  return (
    <svg width={props.size ?? 16} height={props.size ?? 16} viewBox="0 0 16 16" aria-hidden="true">
      <rect width="16" height="16" rx="4" fill="var(--accent)" />
      <path d="M10.6 5.4A3 3 0 0 0 5.4 6c0 2.6 5.4 1.4 5.4 4a3 3 0 0 1-5.6.8" fill="none" stroke="var(--surface)" stroke-width="1.6" stroke-linecap="round" />
    </svg>
  );
}
