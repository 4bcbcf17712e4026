/** The frame of a page: header with title, way back and actions; cards; facts in pairs; a detail pane beside a list. */
import { ChevronRight } from 'lucide-preact';
import { useEffect } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';

export interface PageProps {
  readonly title: string;
  /** Links above the title, outermost first. */
  readonly trail?: readonly { readonly label: string; readonly href: string }[] | undefined;
  /** Beside the title: a status, a count. */
  readonly aside?: ComponentChildren | undefined;
  /** Right side; the primary action last. */
  readonly actions?: ComponentChildren | undefined;
  /** Below the header: tabs or a filter. */
  readonly toolbar?: ComponentChildren | undefined;
  /** `flow` scrolls as a document; `fill` gives its child the whole height (tables, graphs). */
  readonly layout?: 'flow' | 'fill' | undefined;
  readonly children: ComponentChildren;
}

export function Page(props: PageProps): JSX.Element {
  useEffect(() => {
    document.title = `${props.title} · Studio`;
  }, [props.title]);
  return (
    <div class={`page page-${props.layout ?? 'flow'}`}>
      <header class="page-header">
        <div class="page-heading">
          {props.trail?.map((link) => (
            <span key={link.href} class="row page-trail">
              <a href={link.href}>{link.label}</a>
              <ChevronRight size={14} aria-hidden="true" />
            </span>
          ))}
          <h1 class="truncate">{props.title}</h1>
          {props.aside}
        </div>
        {props.actions !== undefined && <div class="page-actions">{props.actions}</div>}
      </header>
      {props.toolbar !== undefined && <div class="page-toolbar">{props.toolbar}</div>}
      <div class="page-body">{props.children}</div>
    </div>
  );
}

export function Card(props: {
  readonly title?: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly flush?: boolean;
}): JSX.Element {
  return (
    <section class="card" aria-label={props.title}>
      {props.title !== undefined && (
        <header class="card-header">
          <h2>{props.title}</h2>
          {props.aside !== undefined && <div class="row">{props.aside}</div>}
        </header>
      )}
      <div class={props.flush === true ? undefined : 'card-body'}>{props.children}</div>
    </section>
  );
}

/** Facts in pairs. A fact without value is left out. */
export function Facts(props: { readonly facts: readonly (readonly [name: string, value: ComponentChildren])[] }): JSX.Element {
  return (
    <dl class="facts">
      {props.facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => (
          <>
            <dt key={`${name}-name`}>{name}</dt>
            <dd key={name}>{value}</dd>
          </>
        ))}
    </dl>
  );
}

/** A list with a detail pane at its right; on a narrow screen the pane covers the list. */
export function Split(props: {
  readonly children: ComponentChildren;
  readonly detail: ComponentChildren | undefined;
  readonly label: string;
  readonly wide?: boolean;
}): JSX.Element {
  const open = props.detail !== undefined && props.detail !== null && props.detail !== false;
  return (
    <div class={open ? 'split split-open' : 'split'}>
      <div class="split-main">{props.children}</div>
      {open && (
        <aside class={props.wide === true ? 'split-detail split-wide' : 'split-detail'} aria-label={props.label}>
          {props.detail}
        </aside>
      )}
    </div>
  );
}
