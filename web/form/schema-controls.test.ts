import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { blankOf, controlOf, fieldsOfObject, titleOfName, unknownNames, variantOf } from './schema-controls.ts';
import type { Schema } from './schema.ts';

const schemaOf = (type: z.ZodType): Schema => z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema;
const kindOf = (type: z.ZodType, name = ''): string => {
  const schema = schemaOf(type);
  return controlOf(schema, schema, name).kind;
};

describe('a control', () => {
  it('follows the shape of the schema', () => {
    assert.deepEqual(
      [
        z.string(),
        z.int(),
        z.boolean(),
        z.enum(['a', 'b']),
        z.array(z.string()),
        z.array(z.enum(['GET', 'POST'])),
        z.strictObject({ a: z.string() }),
        z.record(z.string(), z.string()),
        z.union([z.string(), z.array(z.string())]),
        z.json(),
        z.union([z.string(), z.number(), z.boolean()]),
      ].map((type) => kindOf(type)),
      ['text', 'number', 'switch', 'choice', 'list', 'checks', 'object', 'map', 'variants', 'any', 'any'],
    );
  });
  it('is a slider where a number without a unit is bounded', () => {
    const control = (type: z.ZodType, name = ''): unknown => controlOf({}, schemaOf(type), name);
    assert.deepEqual(control(z.number().min(0).max(2)), { kind: 'number', isInteger: false, hasSlider: true, min: 0, max: 2 });
    assert.deepEqual(control(z.int().min(1).max(3_600_000), 'timeoutMs'), {
      kind: 'number',
      isInteger: true,
      hasSlider: false,
      min: 1,
      max: 3_600_000,
      unit: 'ms',
    });
  });
  it('is what the node type asks for', () => {
    assert.deepEqual(controlOf({}, { type: 'string', 'x-form': { control: 'code', language: 'python' } }), { kind: 'code', language: 'python' });
    assert.deepEqual(controlOf({}, { type: 'string', 'x-form': { control: 'secret' } }), { kind: 'secret' });
  });
  it('tells the variants of a union apart, by their mark or by what they need', () => {
    const auth = schemaOf(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('bearer'), token: z.string() }),
        z.strictObject({ type: z.literal('basic'), username: z.string(), password: z.string() }),
      ]),
    );
    const control = controlOf(auth, auth);
    assert.ok(control.kind === 'variants');
    assert.deepEqual(
      control.variants.map((variant) => variant.label),
      ['Bearer', 'Basic'],
    );
    assert.equal(variantOf(auth, control.variants, { type: 'basic' }), 1);
    assert.deepEqual(blankOf(auth, control.variants[1]?.schema), { type: 'basic', username: '', password: '' });
    const file = schemaOf(z.union([z.string(), z.strictObject({ url: z.string(), sha256: z.string() }), z.strictObject({ text: z.string() })]));
    const files = controlOf(file, file);
    assert.ok(files.kind === 'variants');
    assert.deepEqual(
      ['a/b.txt', { url: '', sha256: '' }, { text: 'x' }].map((value) => variantOf(file, files.variants, value)),
      [0, 1, 2],
    );
  });
});

describe('the fields of an object', () => {
  it('carry titles, what is required, and the default', () => {
    const schema = schemaOf(z.strictObject({ url: z.string().describe('Where'), timeoutMs: z.int().default(30_000), maxRounds: z.int().optional() }));
    assert.deepEqual(
      fieldsOfObject(schema, schema).map(({ name, title, description, required, fallback }) => [name, title, description, required, fallback]),
      [
        ['url', 'URL', 'Where', true, undefined],
        ['timeoutMs', 'Timeout', '', false, 30_000],
        ['maxRounds', 'Max rounds', '', false, undefined],
      ],
    );
    assert.deepEqual(unknownNames(fieldsOfObject(schema, schema), { url: 'x', colour: 'red' }), ['colour']);
  });
  it('are titled in words', () => {
    assert.deepEqual(['onItemError', 'vramBytes', 'workflowId', 'ttlS', 'save_to'].map(titleOfName), [
      'On item error',
      'VRAM',
      'Workflow ID',
      'TTL',
      'Save to',
    ]);
  });
});
