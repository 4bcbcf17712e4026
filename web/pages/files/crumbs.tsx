/** The way to a folder, each part of it a step back. */
import type { JSX } from 'preact';

export function Crumbs(props: { readonly prefix: string; readonly onGo: (prefix: string) => void }): JSX.Element {
  const parts = props.prefix.split('/').filter((part) => part !== '');
  return (
    <nav class="crumbs" aria-label="Folder">
      <button type="button" class="crumb" aria-current={parts.length === 0 ? 'location' : undefined} onClick={() => props.onGo('')}>
        All files
      </button>
      {parts.map((part, index) => (
        <span key={`${index}${part}`} class="row crumb-part">
          <span class="faint" aria-hidden="true">
            /
          </span>
          <button
            type="button"
            class="crumb truncate"
            aria-current={index === parts.length - 1 ? 'location' : undefined}
            onClick={() => props.onGo(`${parts.slice(0, index + 1).join('/')}/`)}
          >
            {part}
          </button>
        </span>
      ))}
    </nav>
  );
}
