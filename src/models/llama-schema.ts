/** JSON Schema as callers write it, in the part of it that a grammar can hold a model to. What narrows without shape (patterns, bounds of numbers)
 *  is left out: the answer is then JSON of the right shape, and whoever needs more checks it. Pure. */
import type { GbnfJsonSchema } from 'node-llama-cpp';
import type { Json } from '../contract/endpoint.ts';
import { Refused } from './llama-refusal.ts';

type Schema = Readonly<Record<string, Json>>;

/** @param at where it stands in the request, for messages  @throws Refused naming what no grammar can say */
export function toGrammarSchema(schema: Json, at: string): GbnfJsonSchema {
  return convert(schema, at) as unknown as GbnfJsonSchema;
}

function convert(schema: Json, at: string): Record<string, unknown> {
  if (schema === true || (isObject(schema) && Object.keys(schema).length === 0)) return anyValue();
  if (!isObject(schema)) throw new Refused(`${at} is no JSON schema`);
  const notes = typeof schema['description'] === 'string' ? { description: schema['description'] } : {};
  const defs = isObject(schema['$defs']) ? schema['$defs'] : isObject(schema['definitions']) ? schema['definitions'] : undefined;
  const $defs =
    defs === undefined ? {} : { $defs: Object.fromEntries(Object.entries(defs).map(([name, part]) => [name, convert(part, `${at}.$defs.${name}`)])) };
  return { ...shapeOf(schema, at), ...notes, ...$defs };
}

function shapeOf(schema: Schema, at: string): Record<string, unknown> {
  if (typeof schema['$ref'] === 'string') return { $ref: schema['$ref'].replace(/^#\/definitions\//, '#/$defs/') };
  if ('const' in schema) return { const: schema['const'] };
  if (Array.isArray(schema['enum'])) return { enum: schema['enum'] };
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) return { oneOf: choices.map((part, index) => convert(part, `${at}.anyOf[${index}]`)) };
  if (Array.isArray(schema['allOf'])) {
    const [only, ...others] = schema['allOf'];
    if (only === undefined || others.length > 0) throw new Refused(`${at}.allOf can't be kept to: write the parts as one schema`);
    return convert(only, `${at}.allOf[0]`);
  }
  const { type } = schema;
  if (Array.isArray(type)) return { oneOf: type.map((one) => shapeOf({ ...schema, type: one }, at)) };
  if (type === 'object' || (type === undefined && 'properties' in schema)) return objectOf(schema, at);
  if (type === 'array' || (type === undefined && ('items' in schema || 'prefixItems' in schema))) return arrayOf(schema, at);
  if (type === 'string') return stringOf(schema);
  if (type === 'number' || type === 'integer' || type === 'boolean' || type === 'null') return { type };
  if (type === undefined) return anyValue();
  throw new Refused(`${at}.type is ${JSON.stringify(type)}: it has to be object, array, string, number, integer, boolean or null`);
}

function objectOf(schema: Schema, at: string): Record<string, unknown> {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const more = schema['additionalProperties'];
  // Without named properties an object is free, as in JSON Schema; with them it is closed, or models would wander off.
  const isOpen = more === true || isObject(more) || (more === undefined && Object.keys(properties).length === 0);
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, convert(part, `${at}.properties.${name}`)])),
    additionalProperties: isOpen ? (isObject(more) ? convert(more, `${at}.additionalProperties`) : true) : false,
    ...numbers(schema, ['minProperties', 'maxProperties']),
  };
}

function arrayOf(schema: Schema, at: string): Record<string, unknown> {
  const items = schema['items'];
  const prefix = schema['prefixItems'];
  return {
    type: 'array',
    ...(items === undefined || items === false ? {} : { items: convert(items, `${at}.items`) }),
    ...(Array.isArray(prefix) ? { prefixItems: prefix.map((part, index) => convert(part, `${at}.prefixItems[${index}]`)) } : {}),
    ...numbers(schema, ['minItems', 'maxItems']),
  };
}

function stringOf(schema: Schema): Record<string, unknown> {
  const format = schema['format'];
  if (format === 'date-time' || format === 'date' || format === 'time') return { type: 'string', format };
  return { type: 'string', ...numbers(schema, ['minLength', 'maxLength']) };
}

function anyValue(): Record<string, unknown> {
  const scalar = ['string', 'number', 'boolean', 'null'].map((type) => ({ type }));
  return { oneOf: [...scalar, { type: 'object', additionalProperties: true }, { type: 'array' }] };
}

function numbers(schema: Schema, keys: readonly string[]): Record<string, number> {
  return Object.fromEntries(keys.flatMap((key) => (typeof schema[key] === 'number' ? [[key, schema[key]]] : [])));
}

function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
