/** The filter of a list as one line of text, with facets beside it. The text is the truth; facets only write into it. */
import { ListFilter, X } from 'lucide-preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { IconButton } from './button.tsx';
import { formatShort } from './format.ts';
import { useKeys } from './keys.ts';
import { StatusShape } from './status-chip.tsx';
import { statusLook } from './status.ts';
import { useOffered } from './filter-offer.tsx';
import type { FilterTerm } from './filter-complete.ts';
import type { ComponentChildren, JSX } from 'preact';

export interface FilterBarProps {
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly label: string;
  readonly placeholder: string;
  /** Terms that this list does not know: named below the line. */
  readonly unknown: readonly string[];
  readonly known: readonly string[];
  /** What is offered while one types. */
  readonly terms?: readonly FilterTerm[] | undefined;
  readonly children?: ComponentChildren;
}

// Typing asks the server once it pauses.
const PAUSE_MS = 250;

export function FilterBar(props: FilterBarProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(props.text);
  const sent = useRef(props.text);
  useEffect(() => {
    if (props.text !== sent.current) setTyped(props.text);
    sent.current = props.text;
  }, [props.text]);
  useEffect(() => {
    if (typed === sent.current) return undefined;
    const timer = setTimeout(() => apply(typed), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const apply = (text: string): void => {
    sent.current = text;
    props.onChange(text);
  };
  useKeys({ '/': () => input.current?.focus() });
  const offered = useOffered({ input, text: typed, terms: props.terms ?? [], onChange: setTyped });
  return (
    <div class="filter-bar">
      <div class="filter-line">
        <ListFilter size={14} aria-hidden="true" />
        <input
          ref={input}
          class="filter-input mono"
          type="search"
          aria-label={props.label}
          placeholder={props.placeholder}
          value={typed}
          spellcheck={false}
          autocomplete="off"
          {...offered.links}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (offered.onKey(event)) return;
            if (event.key === 'Enter') apply(typed);
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        {typed !== '' && (
          <IconButton
            size="small"
            label="Clear the filter"
            icon={<X size={14} />}
            onClick={() => {
              setTyped('');
              apply('');
            }}
          />
        )}
        {offered.list}
      </div>
      {props.children}
      {props.unknown.length > 0 && (
        <p class="field-fault filter-fault" role="status">
          This list has no {props.unknown.map((name) => `“${name}:”`).join(', ')}. It knows {props.known.map((name) => `${name}:`).join(', ')}.
        </p>
      )}
    </div>
  );
}

/** Statuses as switches: several may be on. */
export function StatusFacet(props: {
  readonly statuses: readonly string[];
  readonly on: readonly string[];
  /** How many there are of each. */
  readonly counts?: Readonly<Record<string, number>> | undefined;
  readonly onToggle: (status: string) => void;
}): JSX.Element {
  return (
    <div class="facet" role="group" aria-label="Filter by status">
      {props.statuses.map((status) => (
        <button key={status} type="button" class="facet-item" aria-pressed={props.on.includes(status)} onClick={() => props.onToggle(status)}>
          <StatusShape status={status} />
          <span class="facet-word">{statusLook(status).word}</span>
          {props.counts !== undefined && <span class="facet-count figures">{formatShort(props.counts[status] ?? 0)}</span>}
        </button>
      ))}
    </div>
  );
}

/** A cell with "filter by this" at its end, shown under the pointer. Keyboards reach the same through the row's menu. */
export function FilterCell(props: { readonly label: string; readonly onFilter: () => void; readonly children: ComponentChildren }): JSX.Element {
  return (
    <span class="filter-cell">
      <span class="truncate">{props.children}</span>
      <FilterThis label={props.label} onFilter={props.onFilter} />
    </span>
  );
}

/** The button alone, for behind a link. */
export function FilterThis(props: { readonly label: string; readonly onFilter: () => void }): JSX.Element {
  return (
    <button
      type="button"
      class="filter-this"
      tabIndex={-1}
      aria-label={props.label}
      data-tip={props.label}
      onClick={(event) => {
        event.stopPropagation();
        event.preventDefault();
        props.onFilter();
      }}
    >
      <ListFilter size={12} />
    </button>
  );
}
