/** Values of any shape: as text, figure, yes or no, or JSON; and JSON as such. Text that is no JSON yet is kept as it was typed. */
import { X } from 'lucide-preact';
import { useId, useLayoutEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { IconButton } from '../ui/button.tsx';
import { Select, Switch, Textarea, Input } from '../ui/field.tsx';
import { useFormTools } from './form-context.ts';
import { keepHalfTyped, readHalfTyped } from './half-typed.ts';
import { formatJson } from './json-format.ts';
import { parseJson } from './schema-fields.ts';
import { valueOfFigure } from './units.ts';
import { usePathDrop } from './path-drop.ts';
import type { ControlProps } from './value-types.ts';
import { ValueFrame, linksOf } from './value-frame.tsx';

const kinds = ['text', 'number', 'boolean', 'json', 'null'] as const;
type Kind = (typeof kinds)[number];
const KIND_LABELS: Readonly<Record<Kind, string>> = { text: 'Text', number: 'Number', boolean: 'Yes or no', json: 'JSON', null: 'Nothing (null)' };
const FIRST: Readonly<Record<Kind, unknown>> = { text: '', number: 0, boolean: false, json: {}, null: null };

function kindOf(value: unknown): Kind {
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return typeof value === 'number' ? 'number' : 'boolean';
  return value === undefined || typeof value === 'string' ? 'text' : 'json';
}

export function AnyField(props: ControlProps & { readonly isRaw: boolean }): JSX.Element {
  const { frame, value, onChange } = props;
  const tools = useFormTools();
  const isHalf = readHalfTyped(`${tools.place} ${props.path}`) !== undefined;
  const [asked, setAsked] = useState<Kind>();
  const drop = usePathDrop(value, onChange);
  const kind = isHalf ? 'json' : asked !== undefined && (value === undefined || kindOf(value) === 'text') ? asked : kindOf(value);
  const links = { ...linksOf(frame), disabled: frame.locked };
  const choose = (next: Kind): void => {
    setAsked(next);
    if (next === kind) return;
    onChange(next === 'text' && value !== undefined && value !== null ? (typeof value === 'string' ? value : JSON.stringify(value)) : FIRST[next]);
  };
  const picker = (
    <Select
      label={`Kind of ${props.title}`}
      value={kind}
      disabled={frame.locked}
      options={kinds.map((each) => ({ value: each, label: KIND_LABELS[each] }))}
      onChange={choose}
    />
  );
  return (
    <ValueFrame {...frame} aside={<span class="vf-kind">{picker}</span>} isGroup={kind !== 'text' && kind !== 'number'}>
      <div {...drop}>
        {kind === 'text' && (
          <Textarea
            {...links}
            rows={textRows(value)}
            value={typeof value === 'string' ? value : ''}
            onInput={(text) => onChange(text === '' && props.required !== true ? undefined : text)}
          />
        )}
        {kind === 'number' && (
          <Input {...links} value={value === undefined ? '' : String(value)} autocomplete="off" onInput={(text) => onChange(valueOfFigure(text, 1, false))} />
        )}
        {kind === 'boolean' && <Switch hideLabel label={props.title} checked={value === true} disabled={frame.locked} onChange={onChange} />}
        {kind === 'json' && <JsonText path={props.path} label={props.title} value={value} onChange={onChange} />}
      </div>
    </ValueFrame>
  );
}

function textRows(value: unknown): number {
  return Math.min(8, typeof value === 'string' ? value.split('\n').length : 1);
}

/** JSON in a form, with a title. */
export function JsonField(props: {
  readonly title: string;
  readonly description?: string;
  readonly fault?: string | undefined;
  readonly path: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly onRemove?: () => void;
}): JSX.Element {
  const tools = useFormTools();
  const id = useId();
  return (
    <ValueFrame
      {...{ id, title: props.title, description: props.description ?? '', fault: props.fault, locked: tools.locked }}
      isGroup
      aside={
        props.onRemove === undefined || tools.locked ? undefined : (
          <IconButton size="small" label={`Remove ${props.title}`} icon={<X size={12} />} onClick={props.onRemove} />
        )
      }
    >
      <JsonText path={props.path} label={props.title} value={props.value} onChange={props.onChange} />
    </ValueFrame>
  );
}

/** The text of a JSON value. What is typed becomes the value as soon as it is JSON; until then it is kept beside it. */
export function JsonText(props: {
  readonly path: string;
  readonly label: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly rows?: number;
}): JSX.Element {
  const tools = useFormTools();
  const place = `${tools.place} ${props.path}`;
  const [text, setText] = useState(() => readHalfTyped(place) ?? textOf(props.value));
  const [fault, setFault] = useState(() => faultOf(text));
  // Changed from elsewhere (undo, another field): shown, unless something here is half typed.
  useLayoutEffect(() => {
    const parsed = text.trim() === '' ? { value: undefined } : parseJson(text);
    if ('value' in parsed && JSON.stringify(parsed.value) !== JSON.stringify(props.value)) setText(textOf(props.value));
  }, [props.value]);
  const type = (next: string): void => {
    setText(next);
    const parsed = next.trim() === '' ? { value: undefined } : parseJson(next);
    setFault('fault' in parsed ? parsed.fault : undefined);
    keepHalfTyped(place, 'fault' in parsed ? next : undefined);
    if ('value' in parsed) props.onChange(parsed.value);
  };
  return (
    <>
      <Textarea
        mono
        label={props.label}
        rows={props.rows ?? Math.min(14, Math.max(3, text.split('\n').length))}
        value={text}
        disabled={tools.locked}
        onInput={type}
      />
      {fault !== undefined && (
        <div class="field-fault" role="alert">
          {fault} The value before it still holds.
        </div>
      )}
    </>
  );
}

function textOf(value: unknown): string {
  return value === undefined ? '' : formatJson(value);
}

function faultOf(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  const parsed = parseJson(text);
  return 'fault' in parsed ? parsed.fault : undefined;
}
