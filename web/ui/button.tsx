/** Buttons. One primary (ink) per view; the rest are quiet. An icon button always has a name, shown as its tooltip. */
import { isMac, keyLabel } from './keys.ts';
import type { ComponentChildren, JSX } from 'preact';

export type ButtonKind = 'primary' | 'normal' | 'quiet' | 'danger';

export interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick?: ((event: MouseEvent) => void) | undefined;
  readonly kind?: ButtonKind | undefined;
  readonly size?: 'small' | 'normal' | 'large' | undefined;
  readonly icon?: ComponentChildren | undefined;
  /** The key that does the same, shown on the button. */
  readonly hint?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** Why it is disabled, or more words. */
  readonly tip?: string | undefined;
  /** While true the button shows progress and takes no clicks. */
  readonly busy?: boolean | undefined;
  readonly type?: 'button' | 'submit' | undefined;
  readonly form?: string | undefined;
  readonly label?: string | undefined;
  readonly pressed?: boolean | undefined;
}

export function Button(props: ButtonProps): JSX.Element {
  return (
    <button
      type={props.type ?? 'button'}
      class={`btn btn-${props.kind ?? 'normal'} btn-size-${props.size ?? 'normal'}`}
      disabled={props.disabled === true || props.busy === true}
      aria-busy={props.busy === true}
      aria-label={props.label}
      aria-pressed={props.pressed}
      data-tip={props.tip}
      data-keys={props.hint}
      form={props.form}
      onClick={props.onClick}
    >
      {props.busy === true ? <span class="spinner" aria-hidden="true" /> : props.icon}
      <span class="btn-words">{props.children}</span>
      {props.hint !== undefined && <KeyHint keys={props.hint} />}
    </button>
  );
}

export interface IconButtonProps {
  readonly label: string;
  readonly icon: ComponentChildren;
  readonly onClick?: ((event: MouseEvent) => void) | undefined;
  readonly hint?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly busy?: boolean | undefined;
  readonly pressed?: boolean | undefined;
  readonly kind?: ButtonKind | undefined;
  readonly size?: 'small' | 'normal' | undefined;
}

export function IconButton(props: IconButtonProps): JSX.Element {
  return (
    <button
      type="button"
      class={`btn btn-icon btn-${props.kind ?? 'quiet'} btn-size-${props.size ?? 'normal'}`}
      aria-label={props.label}
      aria-pressed={props.pressed}
      aria-busy={props.busy === true}
      data-tip={props.hint === undefined ? props.label : `${props.label}  ${keyLabel(props.hint, isMac)}`}
      data-keys={props.hint}
      disabled={props.disabled === true || props.busy === true}
      onClick={props.onClick}
    >
      {props.busy === true ? <span class="spinner" aria-hidden="true" /> : props.icon}
    </button>
  );
}

/** A key cap. Hidden where there is no keyboard; `spoken` where it is the fact itself, not a hint beside a name. */
export function KeyHint(props: { readonly keys: string; readonly spoken?: boolean }): JSX.Element {
  return (
    <kbd class={props.spoken === true ? 'key key-spoken' : 'key'} aria-hidden={props.spoken !== true}>
      {keyLabel(props.keys, isMac)}
    </kbd>
  );
}

/** A link that looks like a button, for going somewhere. */
export function ButtonLink(props: {
  readonly href: string;
  readonly children: ComponentChildren;
  readonly kind?: ButtonKind | undefined;
  readonly size?: 'small' | 'normal' | 'large' | undefined;
  readonly icon?: ComponentChildren | undefined;
  readonly download?: string | undefined;
  readonly newTab?: boolean | undefined;
}): JSX.Element {
  return (
    <a
      class={`btn btn-${props.kind ?? 'normal'} btn-size-${props.size ?? 'normal'}`}
      href={props.href}
      download={props.download}
      {...(props.newTab === true ? { target: '_blank', rel: 'noreferrer' } : {})}
    >
      {props.icon}
      <span class="btn-words">{props.children}</span>
    </a>
  );
}
