/** A list to choose from by typing, near a place: node types, nodes. The input keeps the focus, arrows choose, Enter takes, Escape leaves. */
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';
import { placeBelow } from '../../ui/menu.tsx';
import { TypeIcon } from './type-icon.tsx';
import { findPicks } from './picks.ts';
import type { Pick } from './picks.ts';

export interface PickerProps {
  readonly label: string;
  readonly placeholder: string;
  /** In the window, px. */
  readonly at: { readonly x: number; readonly y: number };
  readonly picks: readonly Pick[];
  /** What is said when nothing is found. */
  readonly none: string;
  /** Above the list: what it is about. */
  readonly heading?: ComponentChildren;
  readonly onPoint?: (id: string | undefined) => void;
  readonly onPick: (id: string) => void;
  readonly onClose: () => void;
  /** Keys that mean something else here. @returns whether the key was taken */
  readonly onKey?: (event: KeyboardEvent) => boolean;
}

// More than one looks through; typing finds the others.
const MAX_ROWS = 80;

export function Picker(props: PickerProps): JSX.Element {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const layer = useRef<HTMLDivElement>(null);
  const listId = useId();
  const found = findPicks(props.picks, query).slice(0, MAX_ROWS);
  const chosen = found[at];
  usePlaced(layer, props.at);
  useOutside(layer, props.onClose);
  useEffect(() => {
    props.onPoint?.(chosen?.why === undefined ? chosen?.id : undefined);
    layer.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen?.id]);
  const take = (pick: Pick | undefined): void => {
    if (pick !== undefined && pick.why === undefined) props.onPick(pick.id);
  };
  const pressed = (event: KeyboardEvent): void => {
    event.stopPropagation();
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const isOwn = props.onKey?.(event) === true;
    if (!isOwn && step === 0 && !['Escape', 'Tab', 'Enter'].includes(event.key)) return;
    event.preventDefault();
    if (isOwn) return;
    if (step !== 0) setAt((at + step + found.length) % Math.max(1, found.length));
    else if (event.key === 'Enter') take(chosen);
    else props.onClose();
  };
  return (
    <div ref={layer} popover="manual" class="picker" role="dialog" aria-label={props.label} onKeyDown={pressed}>
      {props.heading !== undefined && <div class="picker-heading">{props.heading}</div>}
      <input
        class="picker-input"
        type="text"
        role="combobox"
        aria-label={props.label}
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={chosen === undefined ? undefined : `${listId}-${at}`}
        placeholder={props.placeholder}
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
      />
      <div id={listId} class="picker-list" role="listbox" aria-label={props.label}>
        {found.map((pick, index) => (
          <Row
            key={pick.id}
            pick={pick}
            id={`${listId}-${index}`}
            chosen={index === at}
            heading={query.trim() === '' && pick.group !== found[index - 1]?.group ? pick.group : undefined}
            onPoint={() => setAt(index)}
            onPick={() => take(pick)}
          />
        ))}
      </div>
      {found.length === 0 && <div class="picker-none faint">{query.trim() === '' ? props.none : `Nothing answers “${query}”.`}</div>}
    </div>
  );
}

interface RowProps {
  readonly pick: Pick;
  readonly id: string;
  readonly chosen: boolean;
  readonly heading: string | undefined;
  readonly onPoint: () => void;
  readonly onPick: () => void;
}

function Row(props: RowProps): JSX.Element {
  const { pick } = props;
  return (
    <>
      {props.heading !== undefined && (
        <div class="picker-group" role="presentation">
          {props.heading}
        </div>
      )}
      <div
        id={props.id}
        class="picker-row"
        role="option"
        aria-selected={props.chosen}
        aria-disabled={pick.why !== undefined}
        onMouseMove={props.onPoint}
        onClick={props.onPick}
      >
        <TypeIcon type={pick.type} category={pick.category} />
        <span class="picker-title">{pick.title}</span>
        <span class="picker-note truncate">{pick.why ?? pick.note}</span>
      </div>
    </>
  );
}

function usePlaced(layer: { readonly current: HTMLDivElement | null }, at: { readonly x: number; readonly y: number }): void {
  useLayoutEffect(() => {
    const shown = layer.current;
    if (shown === null) return;
    shown.showPopover();
    placeBelow(shown, new DOMRect(at.x, at.y, 0, 0));
    shown.querySelector('input')?.focus();
  }, []);
}

function useOutside(layer: { readonly current: HTMLDivElement | null }, onClose: () => void): void {
  const latest = useRef(onClose);
  latest.current = onClose;
  useEffect(() => {
    const outside = (event: Event): void => {
      if (!(event.target instanceof Node) || layer.current?.contains(event.target) !== true) latest.current();
    };
    document.addEventListener('pointerdown', outside, true);
    return () => document.removeEventListener('pointerdown', outside, true);
  }, []);
}
