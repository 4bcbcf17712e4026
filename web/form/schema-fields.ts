/** A form from a JSON Schema of an object: its fields, and the value that their texts make. Pure.
 *  What a field can't show (nested objects, unions) is edited as JSON, so nothing is out of reach. */
import { descriptionOf, propertiesOf, schemasAt, valuesOf } from './schema.ts';
import type { Schema } from './schema.ts';

export interface FormField {
  readonly name: string;
  readonly title: string;
  readonly kind: 'text' | 'long' | 'number' | 'switch' | 'choice' | 'json';
  readonly description: string;
  readonly required: boolean;
  readonly choices: readonly string[];
  readonly placeholder: string;
}

/** Texts of the fields, by name. An empty text is an absent value. */
export type FormTexts = Readonly<Record<string, string>>;

/** Fields of a schema; undefined when it is not an object with properties (then JSON is edited as a whole). */
export function fieldsOf(schema: Schema | undefined): readonly FormField[] | undefined {
  if (schema === undefined) return undefined;
  const hints = propertiesOf(schema, schemasAt(schema, []));
  if (hints.length === 0) return undefined;
  return hints.map((hint) => {
    const schemas = schemasAt(schema, [hint.name]);
    const titled = schemas.map((each) => each['title']).find((title) => typeof title === 'string');
    const description = schemas.map((each) => each['description']).find((text) => typeof text === 'string');
    const choices = schemas.some((each) => Array.isArray(each['enum'])) ? valuesOf(schemas).filter((value) => typeof value === 'string') : [];
    const fallback = schemas.find((each) => 'default' in each)?.['default'];
    return {
      name: hint.name,
      title: typeof titled === 'string' ? titled : hint.name,
      kind: kindOf(schemas, choices.length > 0),
      description: typeof description === 'string' ? description : descriptionOf([]),
      required: hint.required,
      choices,
      placeholder: fallback === undefined ? '' : typeof fallback === 'string' ? fallback : JSON.stringify(fallback),
    };
  });
}

function kindOf(schemas: readonly Schema[], hasChoices: boolean): FormField['kind'] {
  if (hasChoices) return 'choice';
  const types = new Set(schemas.flatMap((schema) => (typeof schema['type'] === 'string' ? [schema['type']] : [])));
  if (types.size !== 1) return 'json';
  const [type] = types;
  if (type === 'string') return schemas.some((schema) => schema['format'] === 'textarea' || Number(schema['maxLength'] ?? 0) > 500) ? 'long' : 'text';
  if (type === 'integer' || type === 'number') return 'number';
  return type === 'boolean' ? 'switch' : 'json';
}

/** The texts that show a value: what the form starts with. Defaults are filled in. */
export function textsOf(fields: readonly FormField[], value: unknown): FormTexts {
  const given = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : {};
  return Object.fromEntries(
    fields.map((field) => {
      const own = given[field.name];
      if (own === undefined) return [field.name, field.placeholder];
      return [field.name, typeof own === 'string' && field.kind !== 'json' ? own : JSON.stringify(own)];
    }),
  );
}

export type FormResult = { readonly value: Readonly<Record<string, unknown>> } | { readonly faults: Readonly<Record<string, string>> };

/** The value that the texts make, or what is wrong with which. `rest` holds keys that have no field: they are kept. */
export function valueOfTexts(fields: readonly FormField[], texts: FormTexts, rest: Readonly<Record<string, unknown>> = {}): FormResult {
  const faults: Record<string, string> = {};
  const value: Record<string, unknown> = Object.fromEntries(Object.entries(rest).filter(([name]) => !fields.some((field) => field.name === name)));
  for (const field of fields) {
    const text = texts[field.name] ?? '';
    if (text === '') {
      if (field.required) faults[field.name] = `${field.title} is required.`;
      continue;
    }
    const parsed = parseField(field, text);
    if ('fault' in parsed) faults[field.name] = parsed.fault;
    else value[field.name] = parsed.value;
  }
  return Object.keys(faults).length > 0 ? { faults } : { value };
}

function parseField(field: FormField, text: string): { readonly value: unknown } | { readonly fault: string } {
  if (field.kind === 'text' || field.kind === 'long' || field.kind === 'choice') return { value: text };
  if (field.kind === 'switch') return { value: text === 'true' };
  if (field.kind === 'number') {
    const value = Number(text);
    return Number.isFinite(value) ? { value } : { fault: `${text} is not a number.` };
  }
  return parseJson(text);
}

/** JSON as typed by a person. */
export function parseJson(text: string): { readonly value: unknown } | { readonly fault: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { fault: `This is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}
