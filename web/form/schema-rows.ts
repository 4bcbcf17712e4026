/** A JSON Schema of an object as rows that a person edits: one a field, with a type in plain words. Pure.
 *  What the rows do not show (patterns, limits, alternatives) stays in the schema untouched. */
import { orderedProperties } from './schema.ts';
import type { Schema } from './schema.ts';
import { asRecord, moveItem, renameMember, withMember } from './value-edit.ts';

export const rowTypes = ['text', 'long', 'number', 'integer', 'boolean', 'choice', 'file', 'list', 'object', 'any'] as const;
export type RowType = (typeof rowTypes)[number];

export const ROW_LABELS: Readonly<Record<RowType, string>> = {
  text: 'Text',
  long: 'Long text',
  number: 'Number',
  integer: 'Whole number',
  boolean: 'Yes or no',
  choice: 'Choice',
  file: 'File',
  list: 'List of texts',
  object: 'Object',
  any: 'Anything (JSON)',
};

export interface SchemaRow {
  readonly name: string;
  readonly type: RowType;
  readonly required: boolean;
  readonly schema: Schema;
}

export function rowsOf(schema: Schema): readonly SchemaRow[] {
  const required = requiredOf(schema);
  return orderedProperties(schema).map(([name, each]) => {
    const own = asRecord(each);
    return { name, type: rowTypeOf(own), required: required.includes(name), schema: own };
  });
}

function rowTypeOf(schema: Schema): RowType {
  if (Array.isArray(schema['enum'])) return 'choice';
  const { type } = schema;
  if (type === 'string') return schema['format'] === 'textarea' ? 'long' : asRecord(schema['x-form'])['control'] === 'file' ? 'file' : 'text';
  if (type === 'number' || type === 'integer' || type === 'boolean' || type === 'object') return type;
  return type === 'array' && asRecord(schema['items'])['type'] === 'string' ? 'list' : 'any';
}

const SHAPES: Readonly<Record<RowType, Schema>> = {
  text: { type: 'string' },
  long: { type: 'string', format: 'textarea' },
  number: { type: 'number' },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  choice: { type: 'string', enum: ['first', 'second'] },
  file: { type: 'string', 'x-form': { control: 'file' } },
  list: { type: 'array', items: { type: 'string' } },
  object: { type: 'object', properties: {} },
  any: {},
};

/** Another type for a field: its words stay, what only the old type means goes. */
export function withType(schema: Schema, type: RowType): Schema {
  const { title, description } = schema;
  return { ...SHAPES[type], ...(title === undefined ? {} : { title }), ...(description === undefined ? {} : { description }) };
}

export function addRow(schema: Schema, name: string): Schema {
  const properties = { ...asRecord(schema['properties']), [name]: { type: 'string' } };
  return { ...schema, type: 'object', properties, 'x-order': [...orderedProperties(schema).map(([each]) => each), name] };
}

export function changeRow(schema: Schema, name: string, row: Schema): Schema {
  return { ...schema, type: 'object', properties: withMember(schema['properties'], name, row) };
}

export function removeRow(schema: Schema, name: string): Schema {
  const others = (names: readonly string[]): readonly string[] => names.filter((each) => each !== name);
  return withRequired(withOrder({ ...schema, properties: withMember(schema['properties'], name, undefined) }, others), others(requiredOf(schema)));
}

/** The name must be free. */
export function renameRow(schema: Schema, from: string, to: string): Schema {
  const renamed = (names: readonly string[]): readonly string[] => names.map((each) => (each === from ? to : each));
  return withRequired(withOrder({ ...schema, properties: renameMember(schema['properties'], from, to) }, renamed), renamed(requiredOf(schema)));
}

export function requireRow(schema: Schema, name: string, required: boolean): Schema {
  const rest = requiredOf(schema).filter((each) => each !== name);
  return withRequired(schema, required ? [...rest, name] : rest);
}

export function moveRow(schema: Schema, name: string, by: 1 | -1): Schema {
  const names = orderedProperties(schema).map(([each]) => each);
  return { ...schema, 'x-order': moveItem(names, names.indexOf(name), by) };
}

/** Changes the order where there is one. */
function withOrder(schema: Schema, change: (names: readonly string[]) => readonly string[]): Schema {
  const order = schema['x-order'];
  return Array.isArray(order) ? { ...schema, 'x-order': change(order.map(String)) } : schema;
}

function requiredOf(schema: Schema): readonly string[] {
  return Array.isArray(schema['required']) ? schema['required'].filter((each) => typeof each === 'string') : [];
}

/** No required field is no list. */
function withRequired(schema: Schema, required: readonly string[]): Schema {
  const { required: _old, ...rest } = schema;
  return required.length === 0 ? rest : { ...rest, required };
}
