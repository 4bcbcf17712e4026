import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/log.ts';
import { createPreviewer } from './preview.ts';

const previewer = createPreviewer({ clock: systemClock, log: createLogger({ level: 'silent' }) });
after(() => previewer.stop());

const scope = { input: { name: 'Ada' }, steps: { read: { output: { rows: [{ n: 1 }, { n: 2 }] } } } };
const value = async (template: Json, bare = false): Promise<unknown> => (await previewer.preview({ template, bare, scope })).value;

describe('a preview', () => {
  it('gives the value and its type, of plain paths and of the full language', async () => {
    assert.deepEqual(await previewer.preview({ template: '{{ $sum(steps.read.output.rows.n) }}', bare: false, scope }), {
      ...{ value: 3, type: 'number', bytes: 1, isCut: false, problems: [] },
    });
    assert.equal(await value('Hello {{ input.name }}'), 'Hello Ada');
    assert.deepEqual(await value({ a: ['{{ input.name }}', 2] }), { a: ['Ada', 2] });
    assert.equal((await previewer.preview({ template: '{{ input.gone }}', bare: false, scope })).type, 'nothing');
  });
  it('reads a bare text as an expression where asked to', async () => {
    assert.equal(await value("input.name = 'Ada'", true), true);
    assert.equal(await value("input.name = 'Ada'"), "input.name = 'Ada'");
  });
  it('masks secrets, whatever they are', async () => {
    assert.equal(await value('Bearer {{ secrets.TOKEN }}'), 'Bearer ••••');
  });
  it('answers faults with their place and code', async () => {
    const { problems } = await previewer.preview({ template: { a: ['{{ 1 + }}'], b: '{{ imput.name }}', c: '{{ $nope(1) }}' }, bare: false, scope });
    assert.deepEqual(
      problems.map(({ path, code }) => `${path} ${code}`),
      ['a[0] bad_expression', 'b unknown_name', 'c unknown_function'],
    );
    const failed = await previewer.preview({ template: '{{ $number("x") }}', bare: false, scope });
    assert.deepEqual(
      failed.problems.map(({ code }) => code),
      ['expression_failed'],
    );
  });
  it('ends what takes too long, and answers the next', async () => {
    const slow = await previewer.preview({ template: '{{ $sum([1..9000000].($ * $)) }}', bare: false, scope });
    assert.equal(slow.problems[0]?.code, 'expression_limit');
    assert.equal(await value('{{ $uppercase(input.name) }}'), 'ADA');
  });
  it('cuts a large value', async () => {
    const { isCut, bytes, value: shown } = await previewer.preview({ template: '{{ input }}', bare: false, scope: { input: 'x'.repeat(100_000) } });
    assert.equal(isCut, true);
    assert.equal(bytes, 100_002);
    assert.equal(typeof shown === 'string' && shown.length, 65_536);
  });
});
