/** A button that opens a menu of actions, placed below it inside the window. Arrow keys, letters and Escape work. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { KeyHint } from './button.tsx';
import type { ComponentChildren, JSX, RefObject } from 'preact';

export interface MenuItem {
  readonly label: string;
  readonly icon?: ComponentChildren | undefined;
  readonly onSelect?: (() => void) | undefined;
  readonly href?: string | undefined;
  readonly hint?: string | undefined;
  /** A figure at its end: how many there are. */
  readonly note?: string | undefined;
  readonly danger?: boolean | undefined;
  readonly disabled?: boolean | undefined;
  /** A line above it. */
  readonly separated?: boolean | undefined;
  readonly checked?: boolean | undefined;
}

export interface MenuProps {
  readonly label: string;
  /** Inside of the button. */
  readonly children: ComponentChildren;
  readonly items: readonly MenuItem[];
  readonly heading?: ComponentChildren | undefined;
  readonly buttonClass?: string | undefined;
}

const itemsOfButtons = new WeakMap<Element, () => readonly MenuItem[]>();

/** What the menu of a button holds now, open or not; undefined of a button without a menu. */
export function menuItemsOf(button: Element): readonly MenuItem[] | undefined {
  return itemsOfButtons.get(button)?.();
}

export function Menu(props: MenuProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const items = useRef(props.items);
  items.current = props.items;
  useEffect(() => {
    if (button.current !== null) itemsOfButtons.set(button.current, () => items.current);
  }, []);
  const close = (refocus: boolean): void => {
    setOpen(false);
    if (refocus) button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class={props.buttonClass ?? 'btn btn-icon btn-quiet btn-size-normal'}
        aria-label={props.label}
        aria-haspopup="menu"
        aria-expanded={open}
        data-tip={open ? undefined : props.label}
        onClick={(event) => {
          event.stopPropagation();
          setOpen(!open);
        }}
      >
        {props.children}
      </button>
      {open && <MenuList items={props.items} heading={props.heading} label={props.label} anchor={button} onClose={close} />}
    </>
  );
}

export interface MenuListProps {
  readonly items: readonly MenuItem[];
  readonly heading?: ComponentChildren;
  readonly label: string;
  readonly anchor: RefObject<HTMLElement>;
  readonly onClose: (refocus: boolean) => void;
}

/** The open menu by itself, below an anchor: for menus that no button opens. */
export function MenuList(props: MenuListProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const shown = list.current;
    if (shown === null || props.anchor.current === null) return;
    shown.showPopover();
    placeBelow(shown, props.anchor.current.getBoundingClientRect());
    shown.querySelector<HTMLElement>('[role=menuitem]:not([aria-disabled=true])')?.focus();
  }, []);
  useEffect(() => {
    const outside = (event: Event): void => {
      const target = event.target instanceof Node ? event.target : null;
      if (list.current?.contains(target) !== true && props.anchor.current?.contains(target) !== true) props.onClose(false);
    };
    document.addEventListener('pointerdown', outside, true);
    window.addEventListener('resize', outside);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      window.removeEventListener('resize', outside);
    };
  }, []);
  const pressed = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      props.onClose(true);
      return;
    }
    const items = [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]:not([aria-disabled=true])') ?? [])];
    const next = nextItem(items, event.key);
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
  };
  return (
    <div ref={list} popover="manual" class="menu" role="menu" aria-label={props.label} onKeyDown={pressed} onClick={(event) => event.stopPropagation()}>
      {props.heading !== undefined && <div class="menu-heading">{props.heading}</div>}
      {props.items.map((item, index) => (
        <MenuRow key={`${index} ${item.label}`} item={item} onClose={props.onClose} />
      ))}
    </div>
  );
}

function MenuRow(props: { readonly item: MenuItem; readonly onClose: (refocus: boolean) => void }): JSX.Element {
  const { item } = props;
  const inside = (
    <>
      <span class="menu-icon">{item.checked === true ? '✓' : item.icon}</span>
      <span class="grow">{item.label}</span>
      {item.note !== undefined && <span class="faint figures">{item.note}</span>}
      {item.hint !== undefined && <KeyHint keys={item.hint} />}
    </>
  );
  const className = `menu-item${item.danger === true ? ' menu-danger' : ''}${item.separated === true ? ' menu-separated' : ''}`;
  if (item.href !== undefined) {
    return (
      <a role="menuitem" class={className} tabIndex={-1} href={item.href} onClick={() => props.onClose(false)}>
        {inside}
      </a>
    );
  }
  const select = (): void => {
    if (item.disabled === true) return;
    props.onClose(true);
    item.onSelect?.();
  };
  return (
    <button type="button" role="menuitem" class={className} tabIndex={-1} aria-disabled={item.disabled === true} onClick={select}>
      {inside}
    </button>
  );
}

function nextItem(items: readonly HTMLElement[], key: string): HTMLElement | undefined {
  const at = items.findIndex((item) => item === document.activeElement);
  if (key === 'ArrowDown' || key === 'j') return items[(at + 1) % items.length];
  if (key === 'ArrowUp' || key === 'k') return items.at(at <= 0 ? -1 : at - 1);
  if (key === 'Home') return items[0];
  if (key === 'End') return items.at(-1);
  if (key.length !== 1) return undefined;
  return [...items.slice(at + 1), ...items.slice(0, at + 1)].find((item) => item.textContent?.trim().toLowerCase().startsWith(key.toLowerCase()) === true);
}

/** Places a fixed layer below `anchor`, or above where there is no room, never outside the window. */
export function placeBelow(layer: HTMLElement, anchor: DOMRect): void {
  const { width, height } = layer.getBoundingClientRect();
  const gap = 4;
  const left = anchor.left + width > window.innerWidth - gap ? anchor.right - width : anchor.left;
  const below = anchor.bottom + gap;
  const top = below + height > window.innerHeight - gap ? anchor.top - height - gap : below;
  layer.style.left = `${Math.max(gap, left)}px`;
  layer.style.top = `${Math.max(gap, top)}px`;
}
