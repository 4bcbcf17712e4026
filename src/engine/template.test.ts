/** Params as templates, and their two values: with secrets for the step, without for the store. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import { redactionOf } from './redaction.ts';
import { resolve, type ExpressionScope, type Resolved } from './resolve.ts';
import { compileTemplate, type TemplateFault } from './template.ts';

const scope: ExpressionScope = { input: { name: 'Ada', n: 3, items: [1], evil: '{{ secrets.TOKEN }}' }, steps: {}, instance: { id: 'inst_1' }, workflow: {} };

async function run(value: Json, secrets: Record<string, string> = {}): Promise<Resolved> {
  const faults: TemplateFault[] = [];
  const template = compileTemplate(value, faults);
  assert.deepEqual(faults, []);
  return resolve(template, scope, { evaluator: { evaluate: () => Promise.reject(new Error('not plain')) }, readSecret: async (name) => secrets[name] });
}

test('a string that is one expression keeps its type, within a text it reads as text', async () => {
  assert.deepEqual((await run({ n: '{{ input.n }}', list: ' {{input.items}} ', text: 'n={{ input.n }} {{ input.missing }}{{ input.items }}' })).live, {
    n: 3,
    list: [1],
    text: 'n=3 [1]',
  });
});

test('the stored value keeps secrets unevaluated', async () => {
  const resolved = await run(
    { header: 'Bearer {{ secrets.TOKEN }}', user: 'u {{ input.name }}', basic: '{{ $base64encode(input.name & ":" & secrets.TOKEN) }}' },
    { TOKEN: 's3cret' },
  );
  assert.deepEqual(resolved.live, { header: 'Bearer s3cret', user: 'u Ada', basic: Buffer.from('Ada:s3cret').toString('base64') });
  assert.deepEqual(resolved.stored, { header: 'Bearer {{ secrets.TOKEN }}', user: 'u Ada', basic: '{{ $base64encode(input.name & ":" & secrets.TOKEN) }}' });
  assert.ok(resolved.made.includes('Bearer s3cret') && resolved.made.includes('s3cret'));
});

test('data that looks like an expression stays data', async () => {
  const resolved = await run({ a: '{{ input.evil }}', b: '{{ secrets.TOKEN }}' }, { TOKEN: 's3cret' });
  assert.deepEqual(resolved.live, { a: '{{ secrets.TOKEN }}', b: 's3cret' });
});

test('a secret that is not set is named', async () => {
  await assert.rejects(async () => run({ a: '{{ secrets.NOPE }}' }), /secret "NOPE" is not set/);
});

test('an expression that ends in a brace closes where it is whole', () => {
  const faults: TemplateFault[] = [];
  const template = compileTemplate('{{ {"a": {"b": 1}} }}', faults);
  assert.deepEqual(faults, []);
  assert.equal(template.kind, 'value');
});

test('an unclosed or broken expression is a fault at its path, and raw params are left alone', () => {
  const faults: TemplateFault[] = [];
  compileTemplate({ a: ['{{ input.x'], b: { c: '{{ input.[ }}' }, source: 'return `{{`' }, faults, { path: 'p', raw: ['source'] });
  assert.deepEqual(
    faults.map((fault) => fault.path),
    ['p.a[0]', 'p.b.c'],
  );
});

test('every form of a secret is masked', () => {
  const redaction = redactionOf(['pa"ss word']);
  const text = `x pa"ss word ${JSON.stringify('pa"ss word')} ${encodeURIComponent('pa"ss word')} ${Buffer.from('pa"ss word').toString('base64')}`;
  assert.equal(redaction.text(text), 'x *** "***" *** ***');
  assert.deepEqual(redaction.json({ a: ['pa"ss word!'] }), { a: ['***!'] });
});

test('a key named __proto__ stays data', async () => {
  const resolved = await run(JSON.parse('{"__proto__": "{{ input.n }}"}') as Json);
  assert.equal(Object.hasOwn(resolved.live as object, '__proto__'), true);
});
