/** Values that hold values: objects, lists, maps of names, and one-ofs. */
import { ArrowDown, ArrowUp, Plus, X } from 'lucide-preact';
import { useId, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { Button, IconButton } from '../ui/button.tsx';
import { Input, Select } from '../ui/field.tsx';
import { useFormTools } from './form-context.ts';
import { blankOf, openSchema, variantOf } from './schema-controls.ts';
import type { SchemaField, Variant } from './schema-controls.ts';
import { SchemaForm } from './schema-form.tsx';
import type { Schema } from './schema.ts';
import { asList, asRecord, childPath, freeName, holdsExpression, moveItem, renameMember, withItem, withMember, withoutItem } from './value-edit.ts';
import { ValueFrame } from './value-frame.tsx';
import type { FrameProps } from './value-frame.tsx';
import type { ValueFieldProps } from './value-types.ts';

interface GroupProps extends ValueFieldProps {
  readonly frame: FrameProps;
}

export function ObjectField(props: GroupProps & { readonly fields: readonly SchemaField[] }): JSX.Element {
  const { frame, value } = props;
  return (
    <ValueFrame {...frame} isGroup>
      {value === undefined && props.required !== true ? (
        <AddButton
          label={`Set ${props.title.toLowerCase()}`}
          locked={frame.locked}
          onClick={() => props.onChange(blankOf(props.root, withoutDefault(props.schema)))}
        />
      ) : (
        <div class="vf-group">
          <SchemaForm root={props.root} schema={props.schema} fields={props.fields} path={props.path} value={value} onChange={props.onChange} />
        </div>
      )}
    </ValueFrame>
  );
}

/** A default of the whole object would hide its fields. */
function withoutDefault(schema: Schema): Schema {
  const { default: _default, ...rest } = schema;
  return rest;
}

function AddButton(props: { readonly label: string; readonly locked: boolean; readonly onClick: () => void }): JSX.Element {
  return (
    <div>
      <Button size="small" kind="quiet" icon={<Plus size={12} />} disabled={props.locked} onClick={props.onClick}>
        {props.label}
      </Button>
    </div>
  );
}

export function ListField(props: GroupProps & { readonly item: Schema }): JSX.Element {
  const { frame, root, item } = props;
  const { Field } = useFormTools();
  const items = asList(props.value);
  const one = singular(props.title);
  const isObject = item['type'] === 'object' && Object.keys(asRecord(item['properties'])).length > 0;
  // A schema that says so tells an empty list from none.
  const keepsEmpty = openSchema(root, props.schema)['minItems'] === 0;
  const set = (next: readonly unknown[]): void => props.onChange(next.length === 0 && !keepsEmpty ? undefined : next);
  return (
    <ValueFrame {...frame} isGroup>
      <div class="vf-list">
        {keepsEmpty && items.length === 0 && props.value !== undefined && <div class="field-hint">Empty on purpose.</div>}
        {keepsEmpty && props.value === undefined && !frame.locked && (
          <Button kind="quiet" size="small" onClick={() => set([])}>
            {`No ${props.title.toLowerCase()} at all`}
          </Button>
        )}
        {items.map((each, index) => {
          const change = (next: unknown): void => set(withItem(items, index, next ?? ''));
          const tools = !frame.locked && (
            <ItemTools
              index={index}
              count={items.length}
              title={one}
              onMove={(by) => set(moveItem(items, index, by))}
              onRemove={() => set(withoutItem(items, index))}
            />
          );
          const path = childPath(props.path, index);
          if (isObject && !holdsExpression(each)) {
            return (
              <div key={index} class="vf-item" role="group" aria-label={`${one} ${index + 1}`}>
                <div class="row">
                  <span class="vf-item-title grow">
                    {one} {index + 1}
                  </span>
                  {tools}
                </div>
                <SchemaForm root={root} schema={item} path={path} value={each} onChange={change} />
              </div>
            );
          }
          return (
            <div key={index} class="vf-item vf-item-simple">
              <div class="vf-item-field">
                <Field
                  root={root}
                  schema={item}
                  path={path}
                  name={props.name.replace(/s$/, '')}
                  title={`${one} ${index + 1}`}
                  required
                  isPart
                  value={each}
                  onChange={change}
                />
              </div>
              {tools}
            </div>
          );
        })}
        <AddButton label={`Add ${one.toLowerCase()}`} locked={frame.locked} onClick={() => set([...items, blankOf(root, item)])} />
      </div>
    </ValueFrame>
  );
}

/** A list's title of one thing: `Cases` → `Case`. */
function singular(title: string): string {
  return title.replace(/ies$/, 'y').replace(/([^s])s$/, '$1');
}

function ItemTools(props: {
  readonly index: number;
  readonly count: number;
  readonly title: string;
  readonly onMove: (by: 1 | -1) => void;
  readonly onRemove: () => void;
}): JSX.Element {
  const name = `${props.title.toLowerCase()} ${props.index + 1}`;
  return (
    <div class="vf-item-tools">
      {props.count > 1 && (
        <>
          <IconButton size="small" label={`Move ${name} up`} icon={<ArrowUp size={12} />} disabled={props.index === 0} onClick={() => props.onMove(-1)} />
          <IconButton
            size="small"
            label={`Move ${name} down`}
            icon={<ArrowDown size={12} />}
            disabled={props.index === props.count - 1}
            onClick={() => props.onMove(1)}
          />
        </>
      )}
      <IconButton size="small" label={`Remove ${name}`} icon={<X size={12} />} onClick={props.onRemove} />
    </div>
  );
}

export function MapField(props: GroupProps & { readonly item: Schema }): JSX.Element {
  const { frame } = props;
  const { Field } = useFormTools();
  const record = asRecord(props.value);
  const set = (next: Record<string, unknown>): void => props.onChange(Object.keys(next).length === 0 && props.required !== true ? undefined : next);
  return (
    <ValueFrame {...frame} isGroup>
      <div class="vf-list">
        {Object.entries(record).map(([name, value], index) => (
          <div key={index} class="vf-entry">
            <EntryName name={name} taken={record} locked={frame.locked} onRename={(to) => set(renameMember(record, name, to))} />
            <div class="vf-entry-value">
              <Field
                root={props.root}
                schema={props.item}
                path={childPath(props.path, name)}
                name={name}
                title={name === '' ? 'Value' : name}
                required
                isPart
                value={value}
                onChange={(next) => set({ ...record, [name]: next ?? '' })}
              />
            </div>
            {!frame.locked && (
              <IconButton size="small" label={`Remove ${name}`} icon={<X size={12} />} onClick={() => set(withMember(record, name, undefined))} />
            )}
          </div>
        ))}
        <AddButton label={`Add to ${props.title.toLowerCase()}`} locked={frame.locked} onClick={() => set({ ...record, [freeName(record, 'name')]: '' })} />
      </div>
    </ValueFrame>
  );
}

/** A name that stands twice is not taken until it differs: it would swallow the other. */
function EntryName(props: {
  readonly name: string;
  readonly taken: Readonly<Record<string, unknown>>;
  readonly locked: boolean;
  readonly onRename: (to: string) => void;
}): JSX.Element {
  const id = useId();
  const [typed, setTyped] = useState<string>();
  const isTwice = typed !== undefined && typed !== props.name && Object.hasOwn(props.taken, typed);
  return (
    <div class="vf-entry-name">
      <Input
        id={id}
        label="Name"
        mono
        value={typed ?? props.name}
        disabled={props.locked}
        autocomplete="off"
        aria-invalid={isTwice}
        onInput={(next) => {
          const isFree = next === props.name || !Object.hasOwn(props.taken, next);
          setTyped(isFree ? undefined : next);
          if (isFree) props.onRename(next);
        }}
      />
      {isTwice && (
        <div class="field-fault" role="alert">
          There is one called {typed} already.
        </div>
      )}
    </div>
  );
}

export function VariantsField(props: GroupProps & { readonly variants: readonly Variant[] }): JSX.Element {
  const { frame, root, variants } = props;
  const tools = useFormTools();
  const index = variantOf(root, variants, props.value);
  const isSet = props.value !== undefined;
  const variant = variants[index];
  const choose = (next: string): void => props.onChange(next === '' ? undefined : blankOf(root, variants[Number(next)]?.schema));
  const picker = (
    <Select
      label={`Kind of ${props.title}`}
      value={isSet ? String(index) : ''}
      disabled={tools.locked}
      options={[
        ...(props.required === true && isSet ? [] : [{ value: '', label: 'None' }]),
        ...variants.map((each, at) => ({ value: String(at), label: each.label })),
      ]}
      onChange={choose}
    />
  );
  return (
    <ValueFrame {...frame} isGroup aside={<span class="vf-kind">{picker}</span>}>
      {isSet && variant !== undefined && <VariantBody {...props} schema={marked(variant.schema)} title={variant.label} />}
    </ValueFrame>
  );
}

function VariantBody(props: GroupProps): JSX.Element {
  const { Field } = useFormTools();
  const { schema, root, path, value } = props;
  if (schema['type'] === 'object') {
    return (
      <div class="vf-group">
        <SchemaForm root={root} schema={schema} path={path} value={value} onChange={props.onChange} />
      </div>
    );
  }
  return <Field root={root} schema={schema} path={path} name={props.name} title={props.title} required value={value} onChange={props.onChange} />;
}

/** The mark that tells variants apart is chosen above, not filled in. */
function marked(schema: Schema): Schema {
  const properties = Object.fromEntries(
    Object.entries(asRecord(schema['properties'])).map(([name, each]) => [
      name,
      'const' in asRecord(each) ? { ...asRecord(each), 'x-form': { control: 'hidden' } } : each,
    ]),
  );
  return schema['type'] === 'object' ? { ...schema, properties } : schema;
}
