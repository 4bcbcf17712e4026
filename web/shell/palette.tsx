/** The command palette and the sheet of keys: both read the one list of commands. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { KeyHint } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { StatusShape } from '../ui/status-chip.tsx';
import { allCommands, findCommands } from './commands.ts';
import { useFound } from './found.ts';
import { useNamed } from './named.ts';
import { pageActions } from './page-actions.ts';
import type { JSX } from 'preact';
import type { Command } from './commands.ts';

/** More than one reads: who wants another types a letter of it. */
const SHOWN = 80;

/** Every command of now, and what can be pressed on the page, before the places to go to. Asked once: behind the palette nothing is pressed. */
function useOffered(): readonly Command[] {
  const [offered] = useState(() => {
    const commands = allCommands();
    const places = commands.findIndex(({ group }) => group === 'Go to');
    return commands.toSpliced(places < 0 ? commands.length : places, 0, ...pageActions(commands));
  });
  return offered;
}

export function Palette(props: { readonly onClose: () => void }): JSX.Element {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const element = useRef<HTMLDialogElement>(null);
  const listId = useId();
  const things = useFound(query);
  const offered = useOffered();
  const typed = query.trim() !== '';
  const named = useNamed(typed);
  const found = [...findCommands(typed ? [...offered, ...named] : offered, query), ...things].slice(0, SHOWN);
  useEffect(() => {
    element.current?.showModal();
  }, []);
  useEffect(() => {
    element.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  const run = (command: Command | undefined): void => {
    if (command === undefined) return;
    props.onClose();
    command.run();
  };
  const pressed = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Enter') run(found[at]);
    else if (step !== 0) setAt((at + step + found.length) % Math.max(1, found.length));
    else return;
    event.preventDefault();
  };
  return (
    <dialog
      ref={element}
      class="dialog palette"
      aria-label="Command palette"
      onCancel={props.onClose}
      onMouseDown={(event) => event.target === element.current && props.onClose()}
      onKeyDown={pressed}
    >
      <input
        class="palette-input"
        type="text"
        role="combobox"
        aria-label="What do you want to do?"
        aria-expanded="true"
        aria-controls={listId}
        aria-activedescendant={found[at] === undefined ? undefined : `${listId}-${at}`}
        placeholder="Go to, do, or find anything by name…"
        autocomplete="off"
        spellcheck={false}
        autofocus
        value={query}
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
      />
      <div id={listId} class="palette-list" role="listbox" aria-label="Commands">
        {found.map((command, index) => (
          <PaletteRow
            key={command.id}
            command={command}
            id={`${listId}-${index}`}
            chosen={index === at}
            heading={command.group !== found[index - 1]?.group}
            onPoint={() => setAt(index)}
            onRun={() => run(command)}
          />
        ))}
        {found.length === 0 && <div class="palette-none faint">Nothing answers “{query}”.</div>}
      </div>
    </dialog>
  );
}

interface PaletteRowProps {
  readonly command: Command;
  readonly id: string;
  readonly chosen: boolean;
  readonly heading: boolean;
  readonly onPoint: () => void;
  readonly onRun: () => void;
}

function PaletteRow(props: PaletteRowProps): JSX.Element {
  return (
    <>
      {props.heading && (
        <div class="palette-group" role="presentation">
          {props.command.group}
        </div>
      )}
      <div id={props.id} class="palette-row" role="option" aria-selected={props.chosen} onMouseMove={props.onPoint} onClick={props.onRun}>
        {props.command.status !== undefined && <StatusShape status={props.command.status} label />}
        <span class="truncate">{props.command.title}</span>
        <span class="grow truncate faint small">{props.command.note}</span>
        {props.command.keys !== undefined && <KeyHint keys={props.command.keys} />}
      </div>
    </>
  );
}

const listKeys: readonly (readonly [string, string])[] = [
  ['j', 'Next row'],
  ['k', 'Previous row'],
  ['x', 'Select the row'],
  ['enter', 'Open the row'],
  ['escape', 'Close, go back'],
];

export function KeySheet(props: { readonly onClose: () => void }): JSX.Element {
  const commands = useOffered().filter((command) => command.keys !== undefined);
  const groups = [...new Set(commands.map((command) => command.group))];
  return (
    <Dialog title="Keys" size="normal" onClose={props.onClose}>
      {/* Scrolled by keys: nothing in it takes the focus. */}
      <div class="key-sheet" tabIndex={0} role="group" aria-label="Every key">
        {groups.map((group) => (
          <KeyGroup
            key={group}
            title={group}
            rows={commands.filter((command) => command.group === group).map((command) => [command.keys ?? '', command.title])}
          />
        ))}
        <KeyGroup title="Lists" rows={listKeys} />
      </div>
    </Dialog>
  );
}

function KeyGroup(props: { readonly title: string; readonly rows: readonly (readonly [keys: string, title: string])[] }): JSX.Element {
  return (
    <section aria-label={props.title}>
      <h3 class="faint small">{props.title}</h3>
      <ul>
        {props.rows.map(([keys, title]) => (
          <li key={`${keys}${title}`} class="row">
            <span class="grow">{title}</span>
            <KeyHint keys={keys} spoken />
          </li>
        ))}
      </ul>
    </section>
  );
}
