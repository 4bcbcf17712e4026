/** Key bindings of the page: one listener, a stack of layers (the newest mounted wins), sequences such as `g i`.
 *  Never fires while one types in a field, except bindings with `mod`. Browser-only at its edge; matching is pure and tested. */
import { useEffect, useRef } from 'preact/hooks';

/** Key → action. Keys: `j`, `?`, `enter`, `escape`, `mod+k` (⌘ on a Mac, Ctrl elsewhere), `alt+arrowup`, `mod+shift+z`, `g i` (one after the other).
 *  Shift is named beside `mod` and `alt` and with keys that type nothing; with others it is in what they type. */
export type KeyMap = Readonly<Record<string, () => void>>;

// Long enough to find the second key, short enough that a lone `g` is forgotten.
const SEQUENCE_MS = 1_200;

const layers: { map: () => KeyMap }[] = [];
let pending = '';
let pendingUntil = 0;

/** The name of a pressed key as bindings spell it. */
export function keyName(event: Pick<KeyboardEvent, 'key' | 'metaKey' | 'ctrlKey' | 'altKey' | 'shiftKey'>): string {
  const name = event.key === ' ' ? 'space' : event.key.toLowerCase();
  const mod = event.metaKey || event.ctrlKey;
  const shift = event.shiftKey && (mod || event.altKey || name.length > 1);
  return `${mod ? 'mod+' : ''}${event.altKey ? 'alt+' : ''}${shift ? 'shift+' : ''}${name}`;
}

/** What `name` means after `before`: the binding it completes, or that it begins one. */
export function matchKey(maps: readonly KeyMap[], before: string, name: string): { readonly run?: () => void; readonly begins: boolean } {
  const sequence = before === '' ? name : `${before} ${name}`;
  for (const map of maps.toReversed()) {
    const run = map[sequence];
    if (run !== undefined) return { run, begins: false };
  }
  const begins = maps.some((map) => Object.keys(map).some((key) => key.startsWith(`${sequence} `)));
  if (begins || before === '') return { begins };
  return matchKey(maps, '', name);
}

function typesText(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'submit', 'range', 'file'].includes(target.type);
}

function pressed(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || ['Shift', 'Control', 'Alt', 'Meta'].includes(event.key)) return;
  const name = keyName(event);
  const modified = name.startsWith('mod+');
  if (typesText(event.target) && !modified) return;
  // A button or link that has the focus keeps its own Enter and Space.
  if (
    (name === 'enter' || name === 'space') &&
    event.target instanceof Element &&
    event.target.closest('button, a, summary, [role=menuitem], [role=option]') !== null
  )
    return;
  const open = document.querySelector('dialog[open]');
  const maps = layers.map((layer) => layer.map());
  if (open !== null && !modified) return;
  const found = matchKey(maps, event.timeStamp < pendingUntil ? pending : '', name);
  pending = found.begins ? name : '';
  pendingUntil = found.begins ? event.timeStamp + SEQUENCE_MS : 0;
  if (found.run === undefined) return;
  event.preventDefault();
  found.run();
}

/** Binds keys while the component is mounted. The map may change from render to render; a function is asked at each key. */
export function useKeys(map: KeyMap | (() => KeyMap)): void {
  const latest = useRef(map);
  latest.current = map;
  useEffect(() => {
    const mine = { map: (): KeyMap => (typeof latest.current === 'function' ? latest.current() : latest.current) };
    if (layers.length === 0) document.addEventListener('keydown', pressed);
    layers.push(mine);
    return () => {
      layers.splice(layers.indexOf(mine), 1);
      if (layers.length === 0) document.removeEventListener('keydown', pressed);
    };
  }, []);
}

/** A binding as shown on a key cap: `⌘K` or `Ctrl K`, `G then I`. */
export function keyLabel(key: string, isMac: boolean): string {
  const words: Readonly<Record<string, string>> = {
    mod: isMac ? '⌘' : 'Ctrl',
    enter: '↵',
    escape: 'Esc',
    alt: isMac ? '⌥' : 'Alt',
    shift: isMac ? '⇧' : 'Shift',
    arrowup: '↑',
    arrowdown: '↓',
    arrowleft: '←',
    arrowright: '→',
    delete: 'Del',
    tab: 'Tab',
    backspace: '⌫',
  };
  const one = (stroke: string): string =>
    stroke
      .split('+')
      .map((part) => words[part] ?? part.toUpperCase())
      .join(isMac ? '' : ' ');
  return key.split(' ').map(one).join(' then ');
}

export const isMac = typeof navigator !== 'undefined' && /Mac|iPhone|iPad/.test(navigator.userAgent);
