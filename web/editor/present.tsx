/** Who else has this editor open, as initials; who holds the pen stands out. */
import type { JSX } from 'preact';
import { nameOf } from './presence.ts';
import type { EditorSession } from './session.ts';

// More are a number.
const MAX_SHOWN = 4;

export function Present(props: { readonly session: EditorSession }): JSX.Element | null {
  const others = props.session.presence.others.value;
  if (others.length === 0) return null;
  return (
    <ul class="present" aria-label="Also here">
      {others.slice(0, MAX_SHOWN).map((editor) => {
        const words = `${nameOf(editor).replace(/,$/, '')}${editor.hasPen ? ' edits' : ' looks on'}`;
        return (
          <li key={editor.id} class={editor.hasPen ? 'present-one present-pen' : 'present-one'} data-tip={words} aria-label={words}>
            <span aria-hidden="true">{initials(editor.name)}</span>
          </li>
        );
      })}
      {others.length > MAX_SHOWN && <li class="present-one">+{others.length - MAX_SHOWN}</li>}
    </ul>
  );
}

function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')][0] ?? '').join('');
  return letters === '' ? '?' : letters.toUpperCase();
}
