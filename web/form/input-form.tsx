/** The input of a run: a form where a schema says what it holds, JSON always. One value behind both, switched without loss. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { Field, Input, Segmented, Select, Switch, Textarea } from '../ui/field.tsx';
import { formatJson } from './json-format.ts';
import type { Schema } from './schema.ts';
import { fieldsOf, parseJson, textsOf, valueOfTexts } from './schema-fields.ts';
import type { FormField, FormTexts } from './schema-fields.ts';

export interface InputState {
  readonly mode: 'form' | 'json';
  readonly texts: FormTexts;
  readonly json: string;
  /** The value that the form was filled from. */
  readonly base: unknown;
}

export function inputState(schema: Schema | undefined, value: unknown): InputState {
  const fields = fieldsOf(schema);
  return { mode: fields === undefined ? 'json' : 'form', texts: textsOf(fields ?? [], value), json: formatJson(value ?? {}), base: value };
}

/** The value as it stands, or what is wrong with it. */
export function inputValue(schema: Schema | undefined, state: InputState): { readonly value: unknown } | { readonly faults: Readonly<Record<string, string>> } {
  const fields = fieldsOf(schema);
  if (state.mode === 'form' && fields !== undefined) return valueOfTexts(fields, state.texts, asRecord(state.base));
  if (state.json.trim() === '') return { value: {} };
  const parsed = parseJson(state.json);
  return 'fault' in parsed ? { faults: { '': parsed.fault } } : parsed;
}

export function InputForm(props: {
  readonly schema: Schema | undefined;
  readonly state: InputState;
  readonly onChange: (state: InputState) => void;
  readonly showFaults: boolean;
}): JSX.Element {
  const { schema, state, onChange } = props;
  const fields = fieldsOf(schema);
  const result = inputValue(schema, state);
  const faults = props.showFaults && 'faults' in result ? result.faults : {};
  const [stuck, setStuck] = useState(false);
  const change = (mode: 'form' | 'json'): void => {
    if (mode === state.mode) return;
    if (!('value' in result)) return setStuck(true);
    setStuck(false);
    onChange(
      mode === 'json' ? { ...state, mode, json: formatJson(result.value) } : { ...state, mode, base: result.value, texts: textsOf(fields ?? [], result.value) },
    );
  };
  return (
    <div class="stack">
      {fields !== undefined && (
        <div class="row">
          <Segmented
            label="Input as"
            value={state.mode}
            options={[
              { value: 'form', label: 'Form' },
              { value: 'json', label: 'JSON' },
            ]}
            onChange={change}
          />
        </div>
      )}
      {stuck && 'faults' in result && (
        <p class="field-fault" role="alert">
          {Object.values(result.faults)[0]}
        </p>
      )}
      {state.mode === 'form' && fields !== undefined ? (
        fields.map((field) => (
          <FormRow
            key={field.name}
            field={field}
            text={state.texts[field.name] ?? ''}
            fault={faults[field.name]}
            onChange={(text) => onChange({ ...state, texts: { ...state.texts, [field.name]: text } })}
          />
        ))
      ) : (
        <Field label="Input (JSON)" fault={faults['']} hint="Expressions read it as input.">
          {(links) => <Textarea {...links} mono rows={10} value={state.json} onInput={(json) => onChange({ ...state, json })} />}
        </Field>
      )}
    </div>
  );
}

function FormRow(props: {
  readonly field: FormField;
  readonly text: string;
  readonly fault: string | undefined;
  readonly onChange: (text: string) => void;
}): JSX.Element {
  const { field, text, onChange } = props;
  if (field.kind === 'switch') return <Switch label={field.title} checked={text === 'true'} onChange={(on) => onChange(String(on))} />;
  return (
    <Field label={field.title} hint={field.description === '' ? undefined : field.description} fault={props.fault} optional={!field.required}>
      {(links) => {
        if (field.kind === 'choice')
          return (
            <Select
              {...links}
              value={text}
              options={[...(field.required ? [] : [{ value: '', label: '–' }]), ...field.choices.map((choice) => ({ value: choice, label: choice }))]}
              onChange={onChange}
            />
          );
        if (field.kind === 'json' || field.kind === 'long')
          return <Textarea {...links} mono={field.kind === 'json'} rows={4} value={text} onInput={onChange} />;
        return <Input {...links} type={field.kind === 'number' ? 'number' : 'text'} value={text} onInput={onChange} />;
      }}
    </Field>
  );
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
}
