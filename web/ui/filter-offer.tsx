/** The list of completions below a filter line: arrows move, Enter or Tab takes one, Escape closes it. */
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { complete, completionsAt } from './filter-complete.ts';
import type { Completion, FilterTerm } from './filter-complete.ts';
import type { JSX, RefObject } from 'preact';

export interface Offered {
  /** What the input needs to be a combobox. */
  readonly links: Record<string, unknown>;
  readonly list: JSX.Element | null;
  /** @returns whether the key was the list's */
  readonly onKey: (event: KeyboardEvent) => boolean;
}

interface OfferParts {
  readonly input: RefObject<HTMLInputElement>;
  readonly text: string;
  readonly terms: readonly FilterTerm[];
  readonly onChange: (text: string) => void;
}

// Their release must not open again what their press closed.
const CLOSING: ReadonlySet<string> = new Set(['Escape', 'Enter', 'Tab', 'Shift']);

export function useOffered(parts: OfferParts): Offered {
  const { input, text, terms } = parts;
  const id = useId();
  const [caret, setCaret] = useState<number>();
  const [at, setAt] = useState(-1);
  const jumpTo = useRef<number | undefined>(undefined);
  const offers = caret === undefined ? [] : completionsAt(text, Math.min(caret, text.length), terms);
  const isOpen = offers.length > 0;
  useEffect(() => setAt(-1), [text]);
  useLayoutEffect(() => {
    // After what was taken stands in the line.
    const caretThen = jumpTo.current;
    jumpTo.current = undefined;
    if (caretThen !== undefined) input.current?.setSelectionRange(caretThen, caretThen);
  }, [text]);
  const look = (): void => setCaret(input.current?.selectionStart ?? undefined);
  const take = (offer: Completion): void => {
    const done = complete(text, offer);
    jumpTo.current = done.caret;
    // A term that is whole is done with; a name wants its value.
    setCaret(offer.text.endsWith(' ') ? undefined : done.caret);
    parts.onChange(done.text);
    input.current?.focus();
  };
  return {
    links: {
      role: 'combobox',
      'aria-expanded': isOpen,
      'aria-controls': isOpen ? id : undefined,
      'aria-autocomplete': 'list',
      'aria-activedescendant': isOpen && at >= 0 ? `${id}-${at}` : undefined,
      onFocus: look,
      onClick: look,
      onKeyUp: (event: KeyboardEvent) => !CLOSING.has(event.key) && look(),
      onBlur: () => setCaret(undefined),
    },
    list: isOpen ? <List id={id} offers={offers} at={at} onTake={take} /> : null,
    onKey(event) {
      if (!isOpen) return false;
      const offer = offers[at];
      if (event.key === 'ArrowDown') setAt((at + 1) % offers.length);
      else if (event.key === 'ArrowUp') setAt(at <= 0 ? offers.length - 1 : at - 1);
      else if (event.key === 'Escape') setCaret(undefined);
      else if ((event.key === 'Enter' || event.key === 'Tab') && offer !== undefined) take(offer);
      else return false;
      event.preventDefault();
      return true;
    },
  };
}

function List(props: {
  readonly id: string;
  readonly offers: readonly Completion[];
  readonly at: number;
  readonly onTake: (offer: Completion) => void;
}): JSX.Element {
  return (
    <ul id={props.id} class="offers" role="listbox" aria-label="Completions">
      {props.offers.map((offer, index) => (
        <li
          key={`${offer.from}${offer.text}`}
          id={`${props.id}-${index}`}
          class="offer"
          role="option"
          aria-selected={index === props.at}
          onMouseDown={(event) => {
            // Before the line loses the focus.
            event.preventDefault();
            props.onTake(offer);
          }}
        >
          <span class="mono truncate">{offer.label}</span>
          <span class="faint figures">{offer.hint}</span>
        </li>
      ))}
    </ul>
  );
}
