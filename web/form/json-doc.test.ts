/** JSON as it is typed. The mark | in a text is the cursor. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { docOf, keyRangeOf, keysAt, looseValue, parsePath, placeAt, rangeOf, syntaxFaults } from './json-doc.ts';

function at(marked: string): ReturnType<typeof placeAt> {
  const position = marked.indexOf('|');
  return placeAt(docOf(marked.replace('|', '')), position);
}

test('paths of problems are taken apart', () => {
  assert.deepEqual(parsePath('nodes[3].params.url'), ['nodes', 3, 'params', 'url']);
  assert.deepEqual(parsePath('nodes[0].params["a.b"][1]'), ['nodes', 0, 'params', 'a.b', 1]);
  assert.deepEqual(parsePath(''), []);
});

test('a cursor in a name is a key of its object', () => {
  const place = at('{"nodes": [{"ke|y": "a"}]}');
  assert.deepEqual([place?.path, place?.role, place?.quoted], [['nodes', 0], 'key', true]);
});

test('a cursor in an empty object, or after a comma, wants a key', () => {
  assert.deepEqual([at('{"nodes": [{|}]}')?.path, at('{"nodes": [{|}]}')?.role], [['nodes', 0], 'key']);
  assert.deepEqual([at('{"nodes": [{"key": "a", |}]}')?.path, at('{"nodes": [{"key": "a", |}]}')?.role], [['nodes', 0], 'key']);
});

test('an unfinished name is a key too', () => {
  const place = at('{"nodes": [{"ty|');
  assert.deepEqual([place?.path, place?.role, place?.quoted], [['nodes', 0], 'key', true]);
});

test('a cursor in a value, before one and in an unfinished one has the path of the value', () => {
  for (const text of ['{"nodes": [{}, {"type": "no|op"}]}', '{"nodes": [{}, {"type": |}]}', '{"nodes": [{}, {"type": "no|', '{"nodes": [{}, {"type": |']) {
    const place = at(text);
    assert.deepEqual([place?.path, place?.role], [['nodes', 1, 'type'], 'value'], text);
  }
});

test('a cursor in an array counts the items before it', () => {
  assert.deepEqual(at('{"edges": [{}, {}, |]}')?.path, ['edges', 2]);
});

test('what a completion replaces includes the quotes', () => {
  const place = at('{"type": "no|op"}');
  assert.deepEqual([place?.from, place?.to], [9, 15]);
});

test('a path is found, or its deepest part that is there', () => {
  const doc = docOf('{"nodes": [{"key": "a", "params": {"url": "x"}}]}');
  const { from, to } = rangeOf(doc, ['nodes', 0, 'params', 'url']);
  assert.equal(doc.text.slice(from, to), '"x"');
  const missing = rangeOf(doc, ['nodes', 0, 'params', 'method']);
  assert.equal(doc.text.slice(missing.from, missing.to), '{');
  const key = keyRangeOf(doc, ['nodes', 0, 'params']);
  assert.equal(doc.text.slice(key.from, key.to), '"params"');
});

test('what is finished of a broken text can be read', () => {
  assert.deepEqual(looseValue(docOf('{"nodes": [{"key": "a", "type": "noop"}, {"key": "b", "ty')), { nodes: [{ key: 'a', type: 'noop' }, { key: 'b' }] });
  assert.deepEqual(keysAt(docOf('{"a": 1, "b": }'), []), ['a', 'b']);
});

test('faults say what is wrong, where', () => {
  const fault = (text: string): string | undefined => syntaxFaults(docOf(text))[0]?.message;
  assert.equal(fault('{"a": 1,}'), 'A comma before the end is one too many.');
  assert.equal(fault('{"a": }'), 'A value is missing after the colon.');
  assert.match(fault('{"a": [1, 2') ?? '', /ends too early/);
  assert.match(fault('{nodes: 1}') ?? '', /needs quotes/);
  assert.match(fault('   ') ?? '', /empty/);
  assert.equal(fault('{"a": 1}'), undefined);
});

test('any JSON reads as JSON.parse reads it, without faults', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const doc = docOf(JSON.stringify(value, null, 2));
      assert.deepEqual(looseValue(doc), JSON.parse(doc.text));
      assert.deepEqual(syntaxFaults(doc), []);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('no text and no position make it throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ',', ':', 'a', '1', ' ', '\n', '\\') }), fc.nat(40), (text, position) => {
      const doc = docOf(text);
      placeAt(doc, Math.min(position, text.length));
      looseValue(doc);
      syntaxFaults(doc);
      rangeOf(doc, ['a', 0]);
    }),
    { seed: 8, numRuns: 500 },
  );
});
