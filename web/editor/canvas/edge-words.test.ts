import assert from 'node:assert/strict';
import { test } from 'node:test';
import { edgeLabel, edgeStyle, withModeSwitched } from './edge-words.ts';

test('an edge that says nothing triggers, and has no label', () => {
  assert.deepEqual([edgeStyle({}), edgeLabel({})], ['trigger', undefined]);
});

test('the last mode can not be switched off', () => {
  assert.deepEqual(withModeSwitched({}, 'trigger'), ['trigger']);
  assert.deepEqual(withModeSwitched({}, 'context'), ['trigger', 'context']);
  assert.deepEqual(withModeSwitched({ mode: ['trigger', 'context'] }, 'trigger'), ['context']);
});

test('the line says whether it triggers, the label what else it gives', () => {
  assert.deepEqual([edgeStyle({ mode: ['context', 'trigger'] }), edgeLabel({ mode: ['context', 'trigger'] })], ['trigger', 'context']);
  assert.deepEqual([edgeStyle({ mode: ['attachments'] }), edgeLabel({ mode: ['attachments'] })], ['attachments', 'attachments']);
});

test('a condition is shown without its braces, and cut where it is long', () => {
  assert.equal(edgeLabel({ when: '{{ input.ok }}' }), 'if input.ok');
  assert.equal(edgeLabel({ when: 'x'.repeat(400) })?.length, 26);
  assert.equal(edgeLabel({ when: '  ' }), undefined);
});
