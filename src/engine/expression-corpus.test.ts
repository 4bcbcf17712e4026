/** Hostile expressions: each is refused, gives nothing, or ends at its limit; none reaches the language around it, and the next one is
 *  evaluated as if nothing had been. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Json } from '../contract/endpoint.ts';
import { systemClock } from '../kernel/clock.ts';
import { NodeError } from '../nodes/kit.ts';
import { silentLog } from '../test/database.ts';
import { createEvaluator } from './evaluator.ts';
import { compileExpression, ExpressionError } from './expression.ts';
import { evaluate, type ExpressionScope } from './resolve.ts';
import { compileTemplate } from './template.ts';

const evaluator = createEvaluator({ clock: systemClock, log: silentLog });
after(() => evaluator.stop());

const scope: ExpressionScope = {
  input: { text: 'a'.repeat(40), items: [1, 2, 3], own: { constructor: 'mine' } },
  steps: {},
  instance: { id: 'inst_1' },
  workflow: {},
};

/** What became of it: a refusal's code, or its value. */
async function fateOf(source: string): Promise<string> {
  try {
    return JSON.stringify(await evaluate(compileExpression(source), scope, evaluator));
  } catch (error) {
    if (error instanceof ExpressionError || error instanceof NodeError) return error.code;
    throw error;
  }
}

const names = [
  'constructor',
  '__proto__',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  '__lookupGetter__',
  'isPrototypeOf',
  'propertyIsEnumerable',
];
const reaching: readonly string[] = names.flatMap((name) => [
  `input.${name}`,
  `input.\`${name}\``,
  `input."${name}"`,
  `$.${name}`,
  `$$.${name}`,
  `input.items.${name}`,
  `input.items[0].${name}`,
  `$lookup(input, "${name}")`,
  `$lookup($sum, "${name}")`,
  `{"${name}": 1}`,
  `input ~> |$|{"${name}": {"polluted": true}}|`,
  `$merge([input, {"${name}": {"polluted": true}}])`,
  `$sift(input, function($v, $k) { $k = "${name}" })`,
  `$${name}`,
  `$${name}()`,
]);

test('whatever reaches for names of the language is refused, or finds nothing', async () => {
  const found: string[] = [];
  // Serial: one child.
  for (const source of reaching) {
    const fate = await fateOf(source);
    if (!['bad_expression', 'expression_failed', 'null', '{}', '[]'].includes(fate)) found.push(`${source}: ${fate}`);
  }
  assert.deepEqual(found, []);
});

const together = names.map((name) => {
  const half = Math.ceil(name.length / 2);
  return `"${name.slice(0, half)}" & "${name.slice(half)}"`;
});
const computed: readonly string[] = together.flatMap((name) => [
  `$lookup(input, ${name})`,
  `$lookup(input.items, ${name})`,
  `$lookup("x", ${name})`,
  `$lookup($map, ${name})`,
  `$spread(input.own).*[$ = (${name})]`,
  `$merge([{}, $lookup({"a": {"polluted": true}}, ${name})])`,
]);

test('names that are put together at run time find nothing but data', async () => {
  const found: string[] = [];
  for (const source of computed) {
    const fate = await fateOf(source);
    // What the input holds under such a name is data like any other.
    const isData = source.startsWith('$lookup(input.own');
    if (!isData && !['null', '{}', '[]', 'expression_failed'].includes(fate)) found.push(`${source}: ${fate}`);
  }
  assert.deepEqual(found, []);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

const code: readonly string[] = [
  '$eval("1+1")',
  '$eval("$eval(\\"1\\")")',
  '($f := $eval; $f("1"))',
  'process.exit(1)',
  'require("fs")',
  'globalThis',
  'this',
  'import("fs")',
  'Function("return 1")()',
  '$process',
  '$globalThis.process',
  '$require("fs")',
  '$$.$$.$$',
  'new Date()',
  'input.items.(function() { return 1 })()',
  '$fetch("http://127.0.0.1")',
];

test('code is no expression', async () => {
  const run: string[] = [];
  for (const source of code) {
    const fate = await fateOf(source);
    if (!['bad_expression', 'expression_failed', 'null', '[]'].includes(fate) && source !== '$$.$$.$$') run.push(`${source}: ${fate}`);
  }
  assert.deepEqual(run, []);
});

const endless: readonly string[] = [
  '($f := function($x) { $f($x) }; $f(1))',
  '($f := function($x) { $f($x + 1) + 1 }; $f(1))',
  '($f := function($x) { [$f($x), $f($x)] }; $f(1))',
  '$map([1..100000], function($a) { $map([1..100000], function($b) { $a * $b }) })',
  '$reduce([1..9999999], function($a, $b) { $a & "x" })',
  '$pad("x", 1000000000)',
  '$join([1..9999999].("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"))',
  '$match(input.text & "b", /(a+)+$/)',
  '$replace(input.text & "b", /(a|aa)+$/, "x")',
  '$contains(input.text & "!", /^(([a-z])+.)+[A-Z]([a-z])+$/)',
  '[1..10000000]',
  '[1..9999999][$ > 1][$ > 2]',
  '$sort([1..3000000], function($l, $r) { $l < $r })',
  '$string([1..9999999])',
  '$distinct([1..9999999])',
  '($x := [1..1000]; $x.($x.($x.($x))))',
];

test('what never ends, or grows without end, is ended at its limit, and the next expression is evaluated', async () => {
  const ended: string[] = [];
  for (const source of endless) {
    const fate = await fateOf(source);
    if (!['expression_limit', 'expression_failed'].includes(fate)) ended.push(`${source}: ${fate.slice(0, 80)}`);
    assert.equal(await fateOf('$sum(input.items)'), '6', `after ${source}`);
  }
  assert.deepEqual(ended, []);
});

const deep: readonly [name: string, source: string][] = [
  ['brackets', '('.repeat(4_900) + '1' + ')'.repeat(4_900)],
  ['arrays', '['.repeat(4_900) + ']'.repeat(4_900)],
  ['objects', '{"a":'.repeat(1_600) + '1' + '}'.repeat(1_600)],
  ['a path', `input${'.a'.repeat(4_900)}`],
  ['a sum', `1${'+1'.repeat(4_900)}`],
  ['conditions', `${'true ? '.repeat(1_200)}1${' : 0'.repeat(1_200)}`],
  ['predicates', `input${'[0]'.repeat(3_000)}`],
  ['functions', `${'$not('.repeat(1_600)}1${')'.repeat(1_600)}`],
  ['minus signs', `${'-'.repeat(9_000)}1`],
  ['a text', `"${'x'.repeat(9_990)}"`],
  ['dots', '.'.repeat(9_999)],
  ['more than may be', `1${'+1'.repeat(500_000)}`],
];
for (const [name, source] of deep)
  test(`deep or long is refused or evaluated, never a crash: ${name}`, async () => {
    const fate = await fateOf(source);
    assert.ok(typeof fate === 'string');
    assert.equal(await fateOf('input.items[0]'), '1');
  });

test('templates of hostile shape are judged at once', () => {
  const shapes: readonly Json[] = [
    '{{'.repeat(50_000),
    '{{ a }}'.repeat(20_000),
    '}}'.repeat(50_000),
    `{{ ${'}}'.repeat(10_000)} }}`,
    `{{ "${'{{'.repeat(1_000)}" }}`,
  ];
  for (const shape of shapes) compileTemplate(shape, []);
  let nested: Json = '{{ input.x }}';
  for (let depth = 0; depth < 5_000; depth++) nested = { a: nested };
  const faults: Parameters<typeof compileTemplate>[1] = [];
  compileTemplate(nested, faults);
  assert.match(faults[0]?.error.message ?? '', /nested deeper than 64/);
});
