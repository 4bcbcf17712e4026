/** Which control a JSON Schema asks for: what a form of any depth is made of. Pure. The value itself stays what it is: a form shows it and changes
 *  parts of it, so that nothing it does not know is lost. `x-form` (FormHint) wins over what the schema's shape says. */
import type { FormHint } from '../../src/contract/node-types.ts';
import { orderedProperties } from './schema.ts';
import type { Schema } from './schema.ts';
import { unitOf } from './units.ts';
import type { UnitName } from './units.ts';

/** One way a value may look. */
export interface Variant {
  readonly label: string;
  readonly schema: Schema;
}

export type Control =
  | {
      readonly kind: 'text' | 'long' | 'any' | 'switch' | 'expression' | 'secret' | 'credential' | 'model' | 'file' | 'workflow' | 'schema' | 'json' | 'hidden';
    }
  | { readonly kind: 'code'; readonly language: 'javascript' | 'python' | 'shell' | 'text' }
  | {
      readonly kind: 'number';
      readonly isInteger: boolean;
      readonly min?: number;
      readonly max?: number;
      readonly unit?: UnitName;
      readonly hasSlider: boolean;
    }
  | { readonly kind: 'choice'; readonly choices: readonly { readonly value: string | number; readonly label: string }[] }
  | { readonly kind: 'checks'; readonly choices: readonly string[] }
  | { readonly kind: 'list'; readonly item: Schema }
  | { readonly kind: 'object'; readonly fields: readonly SchemaField[] }
  | { readonly kind: 'map'; readonly value: Schema }
  | { readonly kind: 'variants'; readonly variants: readonly Variant[] };

/** One property of an object, as a form shows it. */
export interface SchemaField {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly required: boolean;
  readonly schema: Schema;
  /** What holds when it is not set. */
  readonly fallback: unknown;
  readonly hint: FormHint;
}

const MAX_REFS = 20;

/** The schema behind its references; what stands beside a `$ref` counts too. */
export function openSchema(root: Schema, schema: unknown): Schema {
  let own = asSchema(schema);
  for (let depth = 0; typeof own['$ref'] === 'string' && depth < MAX_REFS; depth += 1) {
    const { $ref, ...beside } = own;
    const target = String($ref)
      .replace(/^#\/?/, '')
      .split('/')
      .filter(Boolean)
      .reduce<unknown>((at, part) => asSchema(at)[part], root);
    own = { ...asSchema(target), ...beside };
  }
  return own;
}

export function hintOf(schema: Schema): FormHint {
  return asSchema(schema['x-form']) as FormHint;
}

/** The control for a schema. `name` tells units: `timeoutMs`, `memoryBytes`. */
export function controlOf(root: Schema, given: unknown, name = ''): Control {
  const schema = openSchema(root, given);
  const hint = hintOf(schema);
  if (hint.control === 'code') return { kind: 'code', language: hint.language ?? 'text' };
  if (hint.control !== undefined) return { kind: hint.control };
  const alternatives = alternativesOf(root, schema);
  if (alternatives !== undefined) return alternatives;
  if (Array.isArray(schema['enum'])) return choiceOf(asValues(schema['enum']));
  if ('const' in schema) return choiceOf(asValues([schema['const']]));
  switch (schema['type']) {
    case 'string':
      return { kind: schema['format'] === 'textarea' || Number(schema['maxLength'] ?? 0) > 2_000 ? textKind(schema) : 'text' };
    case 'integer':
    case 'number':
      return numberControl(schema, name);
    case 'boolean':
      return { kind: 'switch' };
    case 'array':
      return listControl(root, schema);
    case 'object':
      return objectControl(root, schema);
    default:
      return { kind: 'any' };
  }
}

/** A URL may be long too, and is one line. */
function textKind(schema: Schema): 'text' | 'long' {
  return schema['format'] === 'uri' || typeof schema['pattern'] === 'string' || Number(schema['minLength'] ?? 0) === 1 ? 'text' : 'long';
}

function alternativesOf(root: Schema, schema: Schema): Control | undefined {
  const listed = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(listed)) return undefined;
  const opened = listed.map((each) => openSchema(root, each)).filter((each) => each['type'] !== 'null');
  const types = new Set(opened.map((each) => each['type']));
  // JSON of any shape: the schema lists every type.
  if (types.has('object') && types.has('array') && types.has('string') && types.has('number')) return { kind: 'any' };
  if (opened.every((each) => each['type'] !== 'object' && each['type'] !== 'array')) {
    const isNamed = opened.every((each) => 'const' in each || Array.isArray(each['enum']));
    const named = opened.flatMap((each) => ('const' in each ? [{ value: each['const'], title: each['title'] }] : asValues(each['enum'])));
    if (named.length > 0 && isNamed) return choiceOf(named);
    if (named.length === 0) return { kind: 'any' };
  }
  const [only] = opened;
  if (only !== undefined && opened.length === 1) return controlOf(root, only);
  return { kind: 'variants', variants: opened.map((each) => ({ label: labelOf(root, each), schema: each })) };
}

function labelOf(root: Schema, schema: Schema): string {
  if (typeof schema['title'] === 'string') return schema['title'];
  const properties = Object.entries(asSchema(schema['properties']));
  const tag = properties.map(([, value]) => openSchema(root, value)).find((value) => 'const' in value);
  if (tag !== undefined) return titleOfName(String(tag['const']));
  if ('const' in schema) return String(schema['const']);
  if (properties.length > 0) return properties.map(([name]) => titleOfName(name)).join(', ');
  const words: Readonly<Record<string, string>> = {
    string: 'Text',
    number: 'Number',
    integer: 'Number',
    boolean: 'Yes or no',
    array: 'List',
    object: 'Object',
  };
  return words[String(schema['type'])] ?? 'Other';
}

interface NamedValue {
  readonly value: unknown;
  readonly title?: unknown;
}

function asValues(values: unknown): readonly NamedValue[] {
  return Array.isArray(values) ? values.map((value: unknown) => ({ value })) : [];
}

function choiceOf(values: readonly NamedValue[]): Control {
  return {
    kind: 'choice',
    choices: values.flatMap(({ value, title }) =>
      typeof value === 'string' || typeof value === 'number' ? [{ value, label: typeof title === 'string' ? title : String(value) }] : [],
    ),
  };
}

function numberControl(schema: Schema, name: string): Control {
  const isInteger = schema['type'] === 'integer';
  const bound = (word: string): number | undefined => {
    const value = schema[word];
    return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
  };
  const min = bound('minimum');
  const max = bound('maximum');
  const unit = unitOf(name, schema);
  const range = min === undefined || max === undefined ? Number.POSITIVE_INFINITY : max - min;
  return {
    kind: 'number',
    isInteger,
    hasSlider: unit === undefined && range <= 100,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(unit === undefined ? {} : { unit }),
  };
}

function listControl(root: Schema, schema: Schema): Control {
  const item = openSchema(root, schema['items'] ?? {});
  const few = Array.isArray(item['enum']) && item['enum'].length <= 12 ? item['enum'].filter((value) => typeof value === 'string') : [];
  return few.length > 0 ? { kind: 'checks', choices: few } : { kind: 'list', item };
}

function objectControl(root: Schema, schema: Schema): Control {
  const fields = fieldsOfObject(root, schema);
  if (fields.length > 0) return { kind: 'object', fields };
  const value = schema['additionalProperties'];
  return value === false ? { kind: 'object', fields: [] } : { kind: 'map', value: openSchema(root, typeof value === 'object' ? value : {}) };
}

/** The properties of an object's schema, in their order. */
export function fieldsOfObject(root: Schema, given: unknown): readonly SchemaField[] {
  const schema = openSchema(root, given);
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return orderedProperties(schema).map(([name, value]) => {
    const own = openSchema(root, value);
    return {
      name,
      title: typeof own['title'] === 'string' ? own['title'] : titleOfName(name),
      description: typeof own['description'] === 'string' ? own['description'] : '',
      required: required.includes(name) && !('default' in own),
      schema: own,
      fallback: own['default'],
      hint: hintOf(own),
    };
  });
}

/** Names of a value that no field shows: of a newer version of the type, or a mistake. They are kept. */
export function unknownNames(fields: readonly SchemaField[], value: unknown): readonly string[] {
  const known = new Set(fields.map((field) => field.name));
  return Object.keys(asSchema(value)).filter((name) => !known.has(name));
}

/** Which variant a value is: the first whose type and marks fit. */
export function variantOf(root: Schema, variants: readonly Variant[], value: unknown): number {
  return Math.max(
    0,
    variants.findIndex(({ schema }) => looksLike(root, schema, value)),
  );
}

function looksLike(root: Schema, schema: Schema, value: unknown): boolean {
  if ('const' in schema) return schema['const'] === value;
  if (schema['type'] === 'array') return Array.isArray(value);
  if (schema['type'] === 'integer' || schema['type'] === 'number') return typeof value === 'number';
  if (schema['type'] !== 'object') return typeof value === schema['type'];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const given = value as Schema;
  const marks = Object.entries(asSchema(schema['properties'])).map(([name, each]) => [name, openSchema(root, each)] as const);
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
  // A mark that may be left away tells only where it stands.
  const told = marks.filter(([name, each]) => 'const' in each && (required.includes(name) || name in given));
  if (told.some(([name, each]) => given[name] !== each['const'])) return false;
  return told.length > 0 || required.every((name) => name in given);
}

/** A first value: what the schema fixes or requires, and nothing else. */
export function blankOf(root: Schema, given: unknown, depth = 0): unknown {
  const schema = openSchema(root, given);
  if ('default' in schema) return schema['default'];
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (depth > 6) return null;
  switch (schema['type']) {
    case 'object': {
      const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
      return Object.fromEntries(required.map((name) => [name, blankOf(root, asSchema(schema['properties'])[name], depth + 1)]));
    }
    case 'array':
      return [];
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return typeof schema['minimum'] === 'number' && schema['minimum'] > 0 ? schema['minimum'] : 0;
    default: {
      const [first] = (schema['oneOf'] ?? schema['anyOf'] ?? []) as readonly unknown[];
      return first === undefined ? '' : blankOf(root, first, depth + 1);
    }
  }
}

/** `maxConcurrentSteps` → `Max concurrent steps`; a unit at its end is shown with the figure, not in the title. */
export function titleOfName(name: string): string {
  const plain = unitOf(name, {}) === undefined ? name : name.replace(/(Ms|S|Bytes|Days)$/, '');
  const words = (plain === '' ? name : plain)
    .replaceAll(/[_-]+/g, ' ')
    .replaceAll(/([a-z0-9])([A-Z])/g, (_all, low: string, up: string) => `${low} ${up.toLowerCase()}`);
  const spelled = words
    .split(' ')
    .map((word) => ACRONYMS[word] ?? word)
    .join(' ');
  return `${spelled[0]?.toUpperCase() ?? ''}${spelled.slice(1)}`;
}

const ACRONYMS: Readonly<Record<string, string>> = {
  url: 'URL',
  id: 'ID',
  ttl: 'TTL',
  cpu: 'CPU',
  gpus: 'GPUs',
  vram: 'VRAM',
  json: 'JSON',
  http: 'HTTP',
  jwt: 'JWT',
  cwd: 'working folder',
  env: 'environment',
};

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}
