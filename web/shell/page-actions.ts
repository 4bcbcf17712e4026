/** What the page itself offers by buttons, tabs and menus, as commands: so that the palette lacks no action that can be seen, on any page.
 *  Reads what is drawn at the moment it is asked. Of a list only the row under the cursor speaks: hundreds would bury the rest. */
import { menuItemsOf } from '../ui/menu.tsx';
import type { Command } from './commands.ts';

/** Where buttons are parts of a drawing, a value, an editor of text or a catalogue, which have keys or commands of their own. */
const NOT_HERE = '.react-flow, .json, .data-rows, .cm-editor, .type-palette, .log-scroll, [role=menu], tr:not(.table-cursor)';

/** Commands of what is seen now, in the order it stands. `taken`: what is offered by name or key already. */
export function pageActions(taken: readonly Command[]): readonly Command[] {
  const keys = new Set(taken.flatMap((command) => command.keys ?? []));
  const known = new Set(taken.filter(({ group }) => group !== 'Go to').map(({ title }) => plain(title)));
  const found: Command[] = [];
  for (const element of document.querySelectorAll<HTMLElement>('main button, main a.btn')) {
    if (!isOffered(element)) continue;
    for (const action of actionsOf(element)) {
      const spoken = plain(`${action.title} ${action.note ?? ''}`);
      if (known.has(plain(action.title)) || known.has(spoken) || (action.keys !== undefined && keys.has(action.keys))) continue;
      known.add(spoken);
      found.push({ ...action, id: `here:${found.length}` });
    }
  }
  return found;
}

function actionsOf(element: HTMLElement): readonly Omit<Command, 'id'>[] {
  const name = nameOf(element);
  const about = (place: string | undefined): Pick<Command, 'group' | 'words' | 'note'> => ({ group: 'On this page', words: place, note: place });
  const items = menuItemsOf(element);
  if (items === undefined) return [{ ...about(placeOf(element)), title: name, keys: element.dataset['keys'], run: () => element.click() }];
  return items
    .filter((item) => item.disabled !== true)
    .map((item) => ({
      ...about(name === 'More' ? placeOf(element) : name),
      title: item.label,
      keys: item.hint,
      run: () => (item.href === undefined ? item.onSelect?.() : follow(item.href)),
    }));
}

/** By a link of the document, so that the address changes as a click would change it. */
function follow(to: string): void {
  const link = document.createElement('a');
  link.href = to;
  document.querySelector('main')?.append(link);
  link.click();
  link.remove();
}

function isOffered(element: HTMLElement): boolean {
  if (element.matches(':disabled, [aria-selected=true], [aria-pressed=true]:not(.btn)') || element.closest(NOT_HERE) !== null) return false;
  return nameOf(element) !== '' && element.checkVisibility();
}

/** Its label, else its first words: without the key on it, and without the figure of a tab. */
function nameOf(element: HTMLElement): string {
  const words =
    element.querySelector('.btn-words')?.textContent ?? [...element.childNodes].map((child) => child.textContent ?? '').find((text) => text.trim() !== '');
  return (element.getAttribute('aria-label') ?? words ?? '').trim();
}

/** What it belongs to, where several of a kind stand on the page: a row by its first words, else the part of the page by its name. */
function placeOf(element: HTMLElement): string | undefined {
  const row = element.closest('tr')?.querySelector('.table-link, td:not(.table-check)');
  const part = element.parentElement?.closest('section[aria-label], aside[aria-label], [role=group][aria-label], [role=tablist][aria-label]');
  const place = row?.textContent ?? part?.getAttribute('aria-label') ?? '';
  return place === '' ? undefined : place;
}

/** As compared: without case and the dots of what asks first. */
function plain(text: string): string {
  return text.toLowerCase().replaceAll('…', '').trim();
}
