/** One tooltip layer for the page: anything with `data-tip` shows it on hover and on keyboard focus. Text only. */
import { placeBelow } from './menu.tsx';

// Long enough that crossing a toolbar shows nothing.
const DELAY_MS = 400;

let layer: HTMLElement | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Starts the layer; called once. */
export function startTooltips(): void {
  document.addEventListener('pointerover', (event) => {
    if (event.pointerType === 'mouse') point(event.target, DELAY_MS);
  });
  document.addEventListener('focusin', (event) => {
    if (event.target instanceof HTMLElement && event.target.matches(':focus-visible')) point(event.target, 0);
  });
  for (const name of ['focusout', 'pointerdown', 'keydown', 'scroll'] as const) document.addEventListener(name, hide, true);
}

function point(target: EventTarget | null, delayMs: number): void {
  const owner = target instanceof Element ? target.closest<HTMLElement>('[data-tip]') : null;
  hide();
  if (owner === null) return;
  timer = setTimeout(() => show(owner), delayMs);
}

function show(owner: HTMLElement): void {
  const text = owner.dataset['tip'];
  if (text === undefined || text === '' || !owner.isConnected) return;
  layer = document.createElement('div');
  layer.className = 'tooltip';
  layer.popover = 'manual';
  layer.setAttribute('role', 'tooltip');
  layer.textContent = text;
  (owner.closest('dialog') ?? document.body).append(layer);
  layer.showPopover();
  placeBelow(layer, owner.getBoundingClientRect());
}

function hide(): void {
  clearTimeout(timer);
  layer?.remove();
  layer = undefined;
}
