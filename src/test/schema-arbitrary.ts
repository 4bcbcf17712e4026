/** From a zod schema to fast-check values that it accepts, by way of JSON Schema: what generated API tests send.
 *  Refinements that JSON Schema can't say are met by filtering: use `validSample` for one value that surely passes. */
import fc from 'fast-check';
import * as z from 'zod';

type Schema = Readonly<Record<string, unknown>>;

/** Values that `schema` takes as input (mostly: see above). */
export function arbitraryOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Schema;
  return ofSchema(root, root, 0);
}

/** One value that `schema` accepts: the least one that the generator finds. @throws when it finds none */
export function validSample(schema: z.ZodType, seed = 1): unknown {
  // What every body is refused for, whatever its schema says: that key, NUL, and halves of surrogate pairs.
  const isFit = (value: unknown): boolean => schema.safeParse(value).success && !/__proto__|\\u0000|\\ud[89a-f]/.test(JSON.stringify(value));
  const found = fc.sample(arbitraryOf(schema), { numRuns: 200, seed }).find(isFit);
  if (found === undefined) throw new Error(`no valid value found for ${JSON.stringify(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))}`);
  return found;
}

/** Depth at which recursion ends (any JSON, schemas that contain themselves). */
const MAX_DEPTH = 4;
const anyJson = fc.jsonValue({ maxDepth: 2 });

/** Text that has broken something somewhere. */
const HOSTILE = [
  "'; drop table users; --",
  '$1',
  '{{ constructor }}',
  '../../etc/passwd',
  '%00',
  '\u0000',
  '\uD800',
  '<script>alert(1)</script>',
  '__proto__',
  '\r\nSet-Cookie: a=b',
  '𝒳😀é',
  '\\',
  '{{',
  'NaN',
];

/** What JSON Schema does not tell of a property, by its name. */
const BY_NAME: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  email: fc.nat(999_999).map((n) => `person${n}@example.com`),
  scopes: fc.uniqueArray(fc.constantFrom('*', 'workflows:read', 'jobs:run', 'files:write'), { minLength: 1 }),
};

function ofSchema(schema: Schema, root: Schema, depth: number): fc.Arbitrary<unknown> {
  if (typeof schema['$ref'] === 'string') return depth > MAX_DEPTH ? fc.constant(null) : ofSchema(resolve(schema['$ref'], root), root, depth + 1);
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) return fc.oneof(...choices.map((choice) => ofSchema(choice as Schema, root, depth + 1)));
  if (Array.isArray(schema['allOf'])) return ofSchema(Object.assign({}, ...(schema['allOf'] as Schema[])) as Schema, root, depth + 1);
  switch (schema['type']) {
    case 'string':
      return ofString(schema);
    case 'integer':
    case 'number':
      return ofNumber(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return ofArray(schema, root, depth);
    case 'object':
      return ofObject(schema, root, depth);
    default:
      return anyJson;
  }
}

function resolve(reference: string, root: Schema): Schema {
  return reference
    .split('/')
    .slice(1)
    .reduce<Schema>((at, part) => at[part] as Schema, root);
}

function ofString(schema: Schema): fc.Arbitrary<unknown> {
  const minLength = numberAt(schema, 'minLength', 0);
  const maxLength = Math.min(numberAt(schema, 'maxLength', 40), Math.max(minLength, 40));
  if (schema['format'] === 'date-time')
    return fc.date({ min: new Date('2030-01-01'), max: new Date('2090-01-01'), noInvalidDate: true }).map((date) => date.toISOString());
  if (schema['format'] === 'uri') return fc.nat(999).map((n) => `https://host${n}.example.com`);
  if (typeof schema['pattern'] === 'string')
    return fc
      .stringMatching(new RegExp(schema['pattern']), { size: '-1' })
      .filter((text) => text.length >= minLength && text.length <= numberAt(schema, 'maxLength', Infinity));
  const hostile = HOSTILE.filter((text) => text.length >= minLength && text.length <= maxLength);
  const plain = fc.string({ minLength, maxLength });
  return hostile.length === 0 ? plain : fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: fc.constantFrom(...hostile) });
}

function ofNumber(schema: Schema): fc.Arbitrary<unknown> {
  const min = Math.max(numberAt(schema, 'minimum', -1_000), -1_000_000);
  const max = Math.min(numberAt(schema, 'maximum', Math.max(min, 1_000)), 1_000_000_000);
  return schema['type'] === 'integer'
    ? fc.integer({ min: Math.ceil(min), max: Math.floor(Math.max(min, max)) })
    : fc.double({ min, max: Math.max(min, max), noNaN: true });
}

function ofArray(schema: Schema, root: Schema, depth: number): fc.Arbitrary<unknown> {
  const minLength = numberAt(schema, 'minItems', 0);
  const items = typeof schema['items'] === 'object' && schema['items'] !== null ? ofSchema(schema['items'] as Schema, root, depth + 1) : anyJson;
  const maxLength = depth > MAX_DEPTH ? minLength : Math.max(minLength, Math.min(numberAt(schema, 'maxItems', 4), 4));
  return fc.array(items, { minLength, maxLength });
}

function ofObject(schema: Schema, root: Schema, depth: number): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Record<string, Schema>);
  const requiredKeys = (schema['required'] ?? []) as string[];
  const fixed = fc.record(Object.fromEntries(properties.map(([name, property]) => [name, BY_NAME[name] ?? ofSchema(property, root, depth + 1)])), {
    requiredKeys,
  });
  const values = schema['additionalProperties'];
  if (typeof values !== 'object' || values === null || depth > MAX_DEPTH) return fixed;
  const names =
    schema['propertyNames'] === undefined ? fc.string({ minLength: 1, maxLength: 20 }) : ofSchema(schema['propertyNames'] as Schema, root, depth + 1);
  const free = fc.dictionary(names.map(String), ofSchema(values as Schema, root, depth + 1), { maxKeys: 3, noNullPrototype: true });
  return fc.tuple(free, fixed).map(([extra, own]) => ({ ...extra, ...own }));
}

function numberAt(schema: Schema, name: string, fallback: number): number {
  return typeof schema[name] === 'number' ? schema[name] : fallback;
}
