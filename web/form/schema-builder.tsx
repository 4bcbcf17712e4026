/** A JSON Schema of an object, built row by row, or as JSON. One value behind both. */
import { ArrowDown, ArrowUp, ChevronDown, ChevronRight, Plus, X } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { Button, IconButton } from '../ui/button.tsx';
import { Checkbox, Field, Input, Segmented, Select, Textarea } from '../ui/field.tsx';
import { useFormTools } from './form-context.ts';
import { ROW_LABELS, addRow, changeRow, moveRow, removeRow, renameRow, requireRow, rowTypes, rowsOf, withType } from './schema-rows.ts';
import type { SchemaRow } from './schema-rows.ts';
import type { Schema } from './schema.ts';
import type { ControlProps } from './value-types.ts';
import { asList, asRecord, freeName, withMember } from './value-edit.ts';
import { ValueFrame } from './value-frame.tsx';
import { JsonText } from './value-json.tsx';

/** As a field of a form. */
export function SchemaBuilderField(props: ControlProps): JSX.Element {
  const { frame } = props;
  return (
    <ValueFrame {...frame} isGroup>
      <SchemaBuilder title={props.title} path={props.path} value={props.value} onChange={props.onChange} />
    </ValueFrame>
  );
}

export interface SchemaBuilderProps {
  readonly title: string;
  readonly path: string;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
}

export function SchemaBuilder(props: SchemaBuilderProps): JSX.Element {
  const [mode, setMode] = useState<'form' | 'json'>('form');
  return (
    <div class="vf-list">
      <div class="row">
        <Segmented
          label={`${props.title} as`}
          value={mode}
          options={[
            { value: 'form', label: 'Fields' },
            { value: 'json', label: 'JSON' },
          ]}
          onChange={setMode}
        />
      </div>
      {mode === 'json' ? (
        <JsonText path={props.path} label={`${props.title} (JSON Schema)`} rows={12} value={props.value} onChange={props.onChange} />
      ) : (
        <Rows {...props} schema={asRecord(props.value)} />
      )}
    </div>
  );
}

function Rows(props: SchemaBuilderProps & { readonly schema: Schema }): JSX.Element {
  const { schema } = props;
  const { locked } = useFormTools();
  const rows = rowsOf(schema);
  const set = (next: Schema): void =>
    props.onChange(
      Object.keys(asRecord(next['properties'])).length === 0 && Object.keys(next).every((name) => ['type', 'properties', 'x-order'].includes(name))
        ? undefined
        : next,
    );
  return (
    <>
      {rows.map((row, index) => (
        <Row
          key={index}
          row={row}
          index={index}
          count={rows.length}
          schema={schema}
          path={`${props.path}.properties.${row.name}`}
          locked={locked}
          onChange={set}
        />
      ))}
      <div>
        <Button
          size="small"
          kind="quiet"
          icon={<Plus size={12} />}
          disabled={locked}
          onClick={() => set(addRow(schema, freeName(schema['properties'], 'field')))}
        >
          Add field
        </Button>
      </div>
    </>
  );
}

interface RowProps {
  readonly row: SchemaRow;
  readonly index: number;
  readonly count: number;
  readonly schema: Schema;
  readonly path: string;
  readonly locked: boolean;
  readonly onChange: (schema: Schema) => void;
}

function Row(props: RowProps): JSX.Element {
  const { row, schema, locked } = props;
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState<string>();
  const rename = (name: string): void => {
    const isFree = name !== '' && (name === row.name || !rowsOf(schema).some((each) => each.name === name));
    setTyped(isFree ? undefined : name);
    if (isFree) props.onChange(renameRow(schema, row.name, name));
  };
  return (
    <div class="vf-item">
      <div class="schema-row">
        <IconButton
          size="small"
          label={`${isOpen ? 'Fold' : 'Details of'} ${row.name}`}
          icon={isOpen ? <ChevronDown size={12} /> : <ChevronRight size={12} />}
          onClick={() => setOpen(!isOpen)}
        />
        <Input
          label={`Name of field ${props.index + 1}`}
          mono
          value={typed ?? row.name}
          disabled={locked}
          autocomplete="off"
          aria-invalid={typed !== undefined}
          onInput={rename}
        />
        <Select
          label={`Type of ${row.name}`}
          value={row.type}
          disabled={locked}
          options={rowTypes.map((type) => ({ value: type, label: ROW_LABELS[type] }))}
          onChange={(type) => props.onChange(changeRow(schema, row.name, withType(row.schema, type)))}
        />
        <Checkbox
          label={<span class="small-body">Required</span>}
          checked={row.required}
          disabled={locked}
          onChange={(on) => props.onChange(requireRow(schema, row.name, on))}
        />
        <RowTools {...props} />
      </div>
      {typed !== undefined && (
        <div class="field-fault" role="alert">
          {typed === '' ? 'A field needs a name.' : `There is a field ${typed} already.`}
        </div>
      )}
      {isOpen && <RowDetails {...props} />}
    </div>
  );
}

function RowTools(props: RowProps): JSX.Element | null {
  const { row, schema } = props;
  if (props.locked) return null;
  return (
    <div class="vf-item-tools">
      <IconButton
        size="small"
        label={`Move ${row.name} up`}
        icon={<ArrowUp size={12} />}
        disabled={props.index === 0}
        onClick={() => props.onChange(moveRow(schema, row.name, -1))}
      />
      <IconButton
        size="small"
        label={`Move ${row.name} down`}
        icon={<ArrowDown size={12} />}
        disabled={props.index === props.count - 1}
        onClick={() => props.onChange(moveRow(schema, row.name, 1))}
      />
      <IconButton size="small" label={`Remove ${row.name}`} icon={<X size={12} />} onClick={() => props.onChange(removeRow(schema, row.name))} />
    </div>
  );
}

function RowDetails(props: RowProps): JSX.Element {
  const { row } = props;
  const set = (name: string, value: unknown): void => props.onChange(changeRow(props.schema, row.name, withMember(row.schema, name, value)));
  const text = (name: string): string => (typeof row.schema[name] === 'string' ? row.schema[name] : '');
  const setText = (name: string, value: string): void => set(name, value === '' ? undefined : value);
  return (
    <div class="vf-group">
      <Field label="Title">
        {(links) => <Input {...links} value={text('title')} placeholder={row.name} disabled={props.locked} onInput={(value) => setText('title', value)} />}
      </Field>
      <Field label="Help">
        {(links) => <Input {...links} value={text('description')} disabled={props.locked} onInput={(value) => setText('description', value)} />}
      </Field>
      {row.type === 'choice' && (
        <Field label="Choices, one a line">
          {(links) => (
            <Textarea
              {...links}
              rows={4}
              disabled={props.locked}
              value={asList(row.schema['enum']).map(String).join('\n')}
              onInput={(value) => set('enum', value.split('\n'))}
            />
          )}
        </Field>
      )}
      {row.type === 'object' ? (
        <Rows
          title={row.name}
          path={props.path}
          value={row.schema}
          schema={row.schema}
          onChange={(next) => props.onChange(changeRow(props.schema, row.name, asRecord(next ?? { type: 'object', properties: {} })))}
        />
      ) : (
        <Field label="Default (JSON)">
          {() => (
            <JsonText
              rows={1}
              label={`Default of ${row.name}`}
              path={`${props.path}.default`}
              value={row.schema['default']}
              onChange={(value) => set('default', value)}
            />
          )}
        </Field>
      )}
    </div>
  );
}
