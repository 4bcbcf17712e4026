/** Fields of forms: label, control, hint or fault, joined for screen readers. Controls take value and change, nothing else. */
import { useId } from 'preact/hooks';
import type { ComponentChildren, JSX, RefObject } from 'preact';

/** What a control needs to be part of its field. */
export interface FieldLinks {
  readonly id: string;
  readonly 'aria-describedby'?: string;
  readonly 'aria-invalid'?: boolean;
}

export interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren | undefined;
  /** What is wrong with the value; replaces the hint. */
  readonly fault?: string | undefined;
  readonly optional?: boolean | undefined;
  readonly children: (links: FieldLinks) => ComponentChildren;
}

export function Field(props: FieldProps): JSX.Element {
  const id = useId();
  const note = props.fault ?? props.hint;
  const links: FieldLinks = {
    id,
    ...(note === undefined ? {} : { 'aria-describedby': `${id}-note` }),
    ...(props.fault === undefined ? {} : { 'aria-invalid': true }),
  };
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {props.label}
        {props.optional === true && <span class="faint"> (optional)</span>}
      </label>
      {props.children(links)}
      {note !== undefined && (
        <div id={`${id}-note`} class={props.fault === undefined ? 'field-hint' : 'field-fault'} role={props.fault === undefined ? undefined : 'alert'}>
          {note}
        </div>
      )}
    </div>
  );
}

export interface InputProps extends Partial<FieldLinks> {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly type?: 'text' | 'email' | 'password' | 'search' | 'number' | 'url' | 'date' | 'datetime-local' | undefined;
  readonly placeholder?: string | undefined;
  readonly autocomplete?: 'off' | 'email' | 'username' | 'name' | 'current-password' | 'new-password' | undefined;
  readonly required?: boolean | undefined;
  readonly disabled?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  readonly autofocus?: boolean | undefined;
  readonly mono?: boolean | undefined;
  readonly minLength?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly min?: number | string | undefined;
  readonly max?: number | string | undefined;
  readonly name?: string | undefined;
  readonly label?: string | undefined;
  readonly inputRef?: RefObject<HTMLInputElement> | undefined;
  readonly onKeyDown?: ((event: KeyboardEvent) => void) | undefined;
}

export function Input(props: InputProps): JSX.Element {
  const { value, onInput, mono, label, inputRef, ...rest } = props;
  return (
    <input
      {...rest}
      ref={inputRef ?? null}
      type={props.type ?? 'text'}
      class={mono === true ? 'input mono' : 'input'}
      aria-label={label}
      value={value}
      spellcheck={false}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}

export interface TextareaProps extends Partial<FieldLinks> {
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly rows?: number | undefined;
  readonly mono?: boolean | undefined;
  readonly placeholder?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly label?: string | undefined;
  readonly onKeyDown?: ((event: KeyboardEvent) => void) | undefined;
}

export function Textarea(props: TextareaProps): JSX.Element {
  const { value, onInput, mono, label, ...rest } = props;
  return (
    <textarea
      {...rest}
      class={mono === true ? 'input textarea mono' : 'input textarea'}
      rows={props.rows ?? 4}
      aria-label={label}
      value={value}
      spellcheck={false}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}

export interface SelectProps<Value extends string> extends Partial<FieldLinks> {
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly label: string; readonly disabled?: boolean }[];
  readonly onChange: (value: Value) => void;
  readonly disabled?: boolean | undefined;
  readonly label?: string | undefined;
}

export function Select<Value extends string>(props: SelectProps<Value>): JSX.Element {
  const { value, options, onChange, label, ...rest } = props;
  return (
    <select {...rest} class="input select" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as Value)}>
      {options.map((option) => (
        <option key={option.value} value={option.value} disabled={option.disabled === true}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

/** A setting that takes effect at once. */
export function Switch(props: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
  readonly hideLabel?: boolean;
}): JSX.Element {
  return (
    <label class="switch">
      <input
        type="checkbox"
        role="switch"
        checked={props.checked}
        disabled={props.disabled}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span class="switch-track" aria-hidden="true" />
      <span class={props.hideLabel === true ? 'visually-hidden' : undefined}>{props.label}</span>
    </label>
  );
}

/** A choice that a form sends later. */
export function Checkbox(props: {
  readonly label: ComponentChildren;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
  readonly disabled?: boolean;
  readonly indeterminate?: boolean;
}): JSX.Element {
  return (
    <label class="checkbox">
      <input
        type="checkbox"
        checked={props.checked}
        disabled={props.disabled}
        indeterminate={props.indeterminate === true}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <span>{props.label}</span>
    </label>
  );
}

/** One of a few, all in sight. */
export function Segmented<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly label: string }[];
  readonly onChange: (value: Value) => void;
}): JSX.Element {
  return (
    <div class="segmented" role="group" aria-label={props.label}>
      {props.options.map((option) => (
        <button key={option.value} type="button" aria-pressed={option.value === props.value} onClick={() => props.onChange(option.value)}>
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** A row of a settings page: what it is on the left, its control on the right. */
export function FormRow(props: { readonly title: string; readonly description?: ComponentChildren; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div class="form-row">
      <div class="grow">
        <div class="strong">{props.title}</div>
        {props.description !== undefined && <div class="muted small-body">{props.description}</div>}
      </div>
      <div class="form-row-control">{props.children}</div>
    </div>
  );
}
