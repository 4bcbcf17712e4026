/** Tabs: of a panel (buttons), or of pages (links). The chosen one is the caller's fact. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ComponentChildren, JSX, RefObject } from 'preact';

export interface Tab<Id extends string> {
  readonly id: Id;
  readonly label: string;
  readonly count?: number | undefined;
}

/** Tabs of one panel. The panel carries `id={panelId}` and `role="tabpanel"`: use TabPanel. Arrow keys move. */
export function Tabs<Id extends string>(props: {
  readonly label: string;
  readonly tabs: readonly Tab<Id>[];
  readonly value: Id;
  readonly onChange: (id: Id) => void;
  readonly panelId: string;
}): JSX.Element {
  const move = (event: KeyboardEvent & { currentTarget: HTMLElement }): void => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = props.tabs.findIndex((tab) => tab.id === props.value);
    const next = props.tabs[(at + step + props.tabs.length) % props.tabs.length];
    if (next === undefined) return;
    props.onChange(next.id);
    event.currentTarget.querySelector<HTMLElement>(`[data-tab="${next.id}"]`)?.focus();
  };
  const bar = useCurrentInSight<HTMLDivElement>(props.value);
  return (
    <div ref={bar} class="tabs" role="tablist" aria-label={props.label} onKeyDown={move}>
      {props.tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          class="tab"
          data-tab={tab.id}
          aria-selected={tab.id === props.value}
          aria-controls={tab.id === props.value ? props.panelId : undefined}
          tabIndex={tab.id === props.value ? 0 : -1}
          onClick={() => props.onChange(tab.id)}
        >
          {tab.label}
          {tab.count !== undefined && <span class="count">{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}

export function TabPanel(props: { readonly id: string; readonly label: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div id={props.id} role="tabpanel" aria-label={props.label} class="tab-panel" tabIndex={-1}>
      {props.children}
    </div>
  );
}

/** Tabs that are pages of their own. */
export function LinkTabs(props: {
  readonly label: string;
  readonly tabs: readonly { readonly href: string; readonly label: string; readonly current: boolean }[];
}): JSX.Element {
  const bar = useCurrentInSight<HTMLElement>(props.tabs.find((tab) => tab.current)?.href);
  return (
    <nav ref={bar} class="tabs" aria-label={props.label}>
      {props.tabs.map((tab) => (
        <a key={tab.href} class="tab" href={tab.href} aria-current={tab.current ? 'page' : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  );
}

/** More tabs than fit: the chosen one is scrolled to. */
function useCurrentInSight<Bar extends HTMLElement>(current: string | undefined): RefObject<Bar> {
  const bar = useRef<Bar>(null);
  useLayoutEffect(() => {
    bar.current?.querySelector('[aria-selected=true], [aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current]);
  return bar;
}
