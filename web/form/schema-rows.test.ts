import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addRow, changeRow, moveRow, removeRow, renameRow, requireRow, rowsOf, withType } from './schema-rows.ts';
import type { Schema } from './schema.ts';

const schema: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: { name: { type: 'string', pattern: '^a', title: 'Name' }, kind: { enum: ['a', 'b'] }, odd: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
  required: ['name'],
};

describe('rows of a schema', () => {
  it('name each field and its type in plain words', () => {
    assert.deepEqual(
      rowsOf(schema).map(({ name, type, required }) => `${name} ${type} ${required}`),
      ['name text true', 'kind choice false', 'odd any false'],
    );
  });
  it('change what is changed and keep what they do not show', () => {
    assert.deepEqual(renameRow(schema, 'name', 'title'), {
      ...schema,
      properties: {
        title: { type: 'string', pattern: '^a', title: 'Name' },
        kind: { enum: ['a', 'b'] },
        odd: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      },
      required: ['title'],
    });
    assert.equal('required' in removeRow(schema, 'name'), false);
    assert.deepEqual(requireRow(schema, 'kind', true)['required'], ['name', 'kind']);
    assert.deepEqual(
      rowsOf(moveRow(schema, 'kind', -1)).map((row) => row.name),
      ['kind', 'name', 'odd'],
    );
    assert.deepEqual(renameRow(moveRow(schema, 'kind', -1), 'kind', 'sort')['x-order'], ['sort', 'name', 'odd']);
    assert.deepEqual(Object.keys(addRow(schema, 'more')['properties'] as object), ['name', 'kind', 'odd', 'more']);
    assert.deepEqual((changeRow(schema, 'kind', { type: 'number' })['properties'] as Schema)['kind'], { type: 'number' });
  });
  it('keep the words of a field when its type changes', () => {
    assert.deepEqual(withType({ type: 'string', pattern: '^a', title: 'Name' }, 'integer'), { type: 'integer', title: 'Name' });
  });
});
