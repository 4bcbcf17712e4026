/** Forms made from a JSON Schema. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, textsOf, valueOfTexts } from './schema-fields.ts';

const schema = {
  type: 'object',
  required: ['path'],
  properties: {
    path: { type: 'string', title: 'File', description: 'Where it lies.' },
    rows: { type: 'integer', default: 10 },
    shape: { type: 'string', enum: ['bar', 'line'] },
    dry: { type: 'boolean' },
    tags: { type: 'array', items: { type: 'string' } },
  },
};
const fields = fieldsOf(schema) ?? [];

test('each kind of property gets its field', () => {
  assert.deepEqual(
    fields.map((field) => [field.name, field.title, field.kind, field.required]),
    [
      ['path', 'File', 'text', true],
      ['rows', 'rows', 'number', false],
      ['shape', 'shape', 'choice', false],
      ['dry', 'dry', 'switch', false],
      ['tags', 'tags', 'json', false],
    ],
  );
});

test('a schema without properties makes no form', () => {
  assert.equal(fieldsOf(undefined), undefined);
  assert.equal(fieldsOf({ type: 'array' }), undefined);
});

test('texts make the value; what is empty is absent', () => {
  const result = valueOfTexts(fields, { path: 'a.csv', rows: '3', dry: 'true', tags: '["x"]', shape: '' });
  assert.deepEqual(result, { value: { path: 'a.csv', rows: 3, dry: true, tags: ['x'] } });
});

test('faults name the field', () => {
  const result = valueOfTexts(fields, { path: '', rows: 'many', tags: '[' });
  assert.ok('faults' in result);
  assert.deepEqual(Object.keys(result.faults), ['path', 'rows', 'tags']);
});

test('a value shows in its fields, defaults fill the rest, and keys without a field are kept', () => {
  const texts = textsOf(fields, { path: 'b.csv', tags: ['y'], extra: 1 });
  assert.deepEqual(texts, { path: 'b.csv', rows: '10', shape: '', dry: '', tags: '["y"]' });
  assert.deepEqual(valueOfTexts(fields, texts, { path: 'b.csv', extra: 1 }), { value: { extra: 1, path: 'b.csv', rows: 10, tags: ['y'] } });
});
