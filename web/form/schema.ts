/** Walking a JSON Schema along a path: what a completion may offer and a hover may say there.
 *  Pure and forgiving: of keywords it does not know it takes no notice. */
import type { JsonPath } from './json-doc.ts';

export type Schema = Readonly<Record<string, unknown>>;

/** Schemas nest; a cyclic $ref ends here. */
const MAX_REFS = 20;

/** The schemas that a path may have (several with anyOf, oneOf, allOf). Empty: nothing is known there. */
export function schemasAt(root: Schema, path: JsonPath): readonly Schema[] {
  return path.reduce<readonly Schema[]>((schemas, part) => schemas.flatMap((schema) => step(root, schema, part)), flatten(root, root));
}

function step(root: Schema, schema: Schema, part: string | number): readonly Schema[] {
  if (typeof part === 'number') {
    const prefix = Array.isArray(schema['prefixItems']) ? schema['prefixItems'][part] : undefined;
    return flatten(root, prefix ?? schema['items']);
  }
  const known = asSchema(schema['properties'])[part];
  return flatten(root, known ?? schema['additionalProperties']);
}

/** A schema with its references and alternatives opened. */
function flatten(root: Schema, schema: unknown, depth = 0): readonly Schema[] {
  if (typeof schema !== 'object' || schema === null || depth > MAX_REFS) return [];
  const own = asSchema(schema);
  const target =
    typeof own['$ref'] === 'string'
      ? own['$ref']
          .replace(/^#\/?/, '')
          .split('/')
          .filter(Boolean)
          .reduce<unknown>((at, part) => asSchema(at)[part], root)
      : undefined;
  const parts = [target, ...['anyOf', 'oneOf', 'allOf'].flatMap((word) => (Array.isArray(own[word]) ? (own[word] as unknown[]) : []))];
  const { anyOf: _any, oneOf: _one, allOf: _all, $ref: _ref, ...plain } = own;
  return [...(Object.keys(plain).length > 0 ? [plain] : []), ...parts.flatMap((part) => flatten(root, part, depth + 1))];
}

/** A property an object may have. */
export interface PropertyHint {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly description: string;
  /** What to insert as its value: its default, or an empty value of its type. */
  readonly sample: string;
}

export function propertiesOf(root: Schema, schemas: readonly Schema[]): readonly PropertyHint[] {
  const hints = new Map<string, PropertyHint>();
  for (const schema of schemas) {
    const required = Array.isArray(schema['required']) ? schema['required'] : [];
    for (const [name, value] of orderedProperties(schema)) {
      const alternatives = flatten(root, value);
      if (!hints.has(name))
        hints.set(name, {
          name,
          type: typeText(alternatives),
          required: required.includes(name),
          description: descriptionOf(alternatives),
          sample: sampleOf(alternatives),
        });
    }
  }
  return [...hints.values()];
}

/** The properties of an object in the order that `x-order` gives them: what stores a schema may not keep that of its members. */
export function orderedProperties(schema: Schema): readonly (readonly [string, unknown])[] {
  const entries = Object.entries(asSchema(schema['properties']));
  const order = Array.isArray(schema['x-order']) ? schema['x-order'] : [];
  const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return entries.toSorted(([a], [b]) => rank(a) - rank(b));
}

/** Values a schema names: enum, const, booleans, its default. */
export function valuesOf(schemas: readonly Schema[]): readonly unknown[] {
  const values = schemas.flatMap((schema) => [
    ...(Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : []),
    ...('const' in schema ? [schema['const']] : []),
    ...(schema['type'] === 'boolean' ? [true, false] : []),
    ...('default' in schema ? [schema['default']] : []),
  ]);
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

/** `string`, `"GET" | "POST"`, `integer ≥ 1`, `string[]` …; empty when nothing is known. */
export function typeText(schemas: readonly Schema[]): string {
  return [...new Set(schemas.map(typeOf).filter((text) => text !== ''))].join(' | ');
}

function typeOf(schema: Schema): string {
  if (Array.isArray(schema['enum']))
    return schema['enum']
      .slice(0, 6)
      .map((value) => JSON.stringify(value))
      .join(' | ');
  if ('const' in schema) return JSON.stringify(schema['const']);
  const type = schema['type'];
  if (type === 'array') return `${typeText(flatten(schema, schema['items'])) || 'any'}[]`;
  if (Array.isArray(type)) return type.join(' | ');
  if (typeof type !== 'string') return '';
  const low = typeof schema['minimum'] === 'number' ? ` ≥ ${schema['minimum']}` : '';
  const high = typeof schema['maximum'] === 'number' && schema['maximum'] < Number.MAX_SAFE_INTEGER ? ` ≤ ${schema['maximum']}` : '';
  return `${type}${low}${high}`;
}

export function descriptionOf(schemas: readonly Schema[]): string {
  return schemas.map((schema) => schema['description'] ?? schema['title']).find((text) => typeof text === 'string') ?? '';
}

function sampleOf(schemas: readonly Schema[]): string {
  const given = schemas.find((schema) => 'default' in schema)?.['default'] ?? schemas.find((schema) => 'const' in schema)?.['const'];
  if (given !== undefined) return JSON.stringify(given);
  const type = schemas.map((schema) => (Array.isArray(schema['enum']) ? 'string' : schema['type'])).find((each) => typeof each === 'string');
  const blanks: Readonly<Record<string, string>> = { string: '""', object: '{}', array: '[]', boolean: 'true', integer: '0', number: '0', null: 'null' };
  return (typeof type === 'string' ? blanks[type] : undefined) ?? '""';
}

function asSchema(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Schema) : {};
}
