/** Documents come in as JSON or YAML, plainly or not at all: what is said twice, refers, loops or grows is refused with its place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../contract/endpoint.ts';
import { AppError } from '../kernel/fail.ts';
import { documentText, parseDocument } from './document.ts';
import { duplicateKey } from './json-keys.ts';
import { readYaml } from './yaml-worker.ts';

const never = new AbortController().signal;
const parse = (text: string, type: string): Promise<Json> => parseDocument(Buffer.from(text), new Headers({ 'content-type': type }), never);

async function refusalOf(text: string, type: string): Promise<AppError> {
  try {
    await parse(text, type);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('JSON, YAML, and JSON around either, give the same', async () => {
  const value = { studio: 1, name: 'x', nodes: [{ key: 'a', on: 'yes', n: 1.5, none: null }] };
  const yaml = 'studio: 1\nname: x\nnodes:\n  - key: a\n    on: yes\n    n: 1.5\n    none: null\n';
  assert.deepEqual(await parse(JSON.stringify(value), 'application/json'), value);
  assert.deepEqual(await parse(yaml, 'application/yaml; charset=utf-8'), value);
  for (const document of [value, JSON.stringify(value), yaml]) assert.deepEqual(await parse(JSON.stringify({ document }), 'application/json'), value);
});

test('what is written is read back, in both formats', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ stringUnit: 'binary' }), async (drawn) => {
      const text = JSON.stringify(drawn);
      fc.pre(!text.includes('__proto__') && !text.includes('\\u0000') && !/\\ud[89a-f]/.test(text));
      const value = JSON.parse(text) as Json;
      const written = readYaml(await documentText(value, 'yaml'));
      assert.deepEqual('json' in written ? JSON.parse(written.json) : written, value);
      assert.deepEqual(JSON.parse(await documentText(value, 'json')), value);
    }),
    { numRuns: 300 },
  );
});

const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, index) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefghi'[index]}`).join(',')}]`).join('\n')}\n`;
const refused: readonly [name: string, text: string, type: string, says: RegExp][] = [
  ['a key twice in JSON', '{"a": 1,\n "b": {"x": 1, "\\u0078": 2}}', 'application/json', /key "x" twice in one object, again at line 2, column 16/],
  ['half of JSON', '{"a":', 'application/json', /not JSON/],
  ['a prototype key in JSON', '{"a":{"__proto__":{"x":1}}}', 'application/json', /__proto__/],
  ['a key twice in YAML', 'a: 1\nb:\n  x: 1\n  x: 2\n', 'application/yaml', /line 4, column 3: this key stands there twice/],
  ['an alias', 'a: &x 1\nb: *x\n', 'application/yaml', /line 2, column 4: aliases \(\*x\) are not taken/],
  ['a circle', 'a: &x\n  b: *x\n', 'application/yaml', /aliases/],
  ['a bomb of aliases', bomb, 'application/yaml', /aliases/],
  ['a tag', 'a: !!js/function "function () {}"\n', 'application/yaml', /line 1, column 4: tags/],
  ['binary data', 'a: !!binary aGk=\n', 'application/yaml', /tags/],
  ['a prototype key in YAML', '__proto__:\n  polluted: true\n', 'application/yaml', /__proto__/],
  ['a key that is a list', '? [a]\n: b\n', 'application/yaml', /this key is no text/],
  ['a number without end', 'a: .inf\n', 'application/yaml', /only finite numbers/],
  ['no number', 'a: [1, .nan]\n', 'application/yaml', /line 1, column 8: only finite numbers/],
  ['two documents', 'a: 1\n---\nb: 2\n', 'application/yaml', /a second document/],
  ['deep YAML', '['.repeat(20_000), 'application/yaml', /nested too deeply/],
  ['YAML deeper than JSON may be', `a: ${'['.repeat(150)}${']'.repeat(150)}`, 'application/yaml', /deeper than 100/],
  ['a NUL character', 'a: "\\0"\n', 'application/yaml', /NUL/],
  ['a tab for indentation', 'a:\n\tb: 1\n', 'application/yaml', /line 2/],
  ['another type', 'a: 1', 'text/plain', /text\/plain.*application\/yaml/],
];
for (const [name, text, type, says] of refused)
  test(`refused: ${name}`, async () => {
    const error = await refusalOf(text, type);
    assert.equal(error.code, 'invalid_body');
    assert.match(error.message, says);
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });

test('YAML over its limit is refused before it is read', async () => {
  const error = await refusalOf(`a: "${'x'.repeat(4 * 1024 * 1024)}"`, 'application/yaml');
  assert.equal(error.code, 'too_large');
  assert.match(error.message, /limit is 4194304; send it as JSON/);
});

test('who gives up waits no longer', async () => {
  const gone = AbortSignal.abort(new AppError('internal'));
  await assert.rejects(parseDocument(Buffer.from('a: 1'), new Headers({ 'content-type': 'application/yaml' }), gone), { code: 'internal' });
});

test('keys are compared within one object alone, and texts that look like keys are none', () => {
  const fine = ['{"a":{"a":1},"b":[{"a":1},{"a":1}]}', '{"a":"\\"a\\":","b":"a"}', '["a","a"]', '{"a" :1, "b": "{\\"a\\":1,\\"a\\":2}"}', '"x"', '{}'];
  for (const text of fine) assert.equal(duplicateKey(text), undefined, text);
  assert.deepEqual(duplicateKey('{"a":[1,{"b":1}],\n  "a" : 2}'), { key: 'a', line: 2, column: 3 });
});

test('JSON without duplicates is never said to have one', () => {
  fc.assert(fc.property(fc.json(), (text) => duplicateKey(JSON.stringify(JSON.parse(text))) === undefined));
});
