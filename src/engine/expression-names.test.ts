/** Names are told before a run where they stand for nothing; what the evaluator knows is never told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer } from './expression-child.ts';
import { FUNCTIONS, nameFaults } from './expression-names.ts';
import { compileExpression } from './expression.ts';

const rules = { roots: ['input', 'steps', 'workflow', 'instance'], elsewhere: { item: 'is only there in bodies' } };
const faults = (source: string): string[] => nameFaults(compileExpression(source).ast, source, rules).map(({ code, message }) => `${code}: ${message}`);

const sound = [
  'input.name',
  'input.items[price > 1].{ "n": name, "p": $sum(price) }',
  '$map(input.items, function($item, $i) { $item.name & $i })',
  '( $total := $sum(input.items.price); $total > 10 ? "much" : "little" )',
  'input.items@$one.parts#$i.{ "one": $one.name, "i": $i, "n": n }',
  'input.items{ kind: $count(id) }',
  'input.items^(>price, name)',
  'input ~> |items|{ "total": price * amount }, ["old"]|',
  'steps.a.output.x ~> $uppercase()',
  'steps.a.error.code',
  'steps.a',
  'steps',
  '$keys(input)',
  '$$.input.x',
  'input.items.$$.steps.a.output',
  '"text"',
  'input.items[$$.input.limit > price]',
  '$filter(input.items, function($v, $i, $a) { $v.x = $i })',
  '$sift(input, function($v, $k) { $k != "x" })',
  'input.a.item',
  '( $f := function($x) { $x * 2 }; $f(input.n) )',
];
for (const source of sound) test(`nothing is told of ${source}`, () => assert.deepEqual(faults(source), []));

const told: readonly [source: string, fault: RegExp][] = [
  ['inptu.x', /^unknown_name: "inptu" in "inptu\.x" names nothing; did you mean "input"\?; an expression here reads input, steps, workflow, instance$/],
  ['input.x + stepz.a.output', /^unknown_name: "stepz".*did you mean "steps"/],
  ['[foo]', /^unknown_name: "foo"/],
  ['$$.foo', /^unknown_name: "foo"/],
  ['input.items[$$.foo = price]', /^unknown_name: "foo"/],
  ['$map(input.items, function($v) { nothing.x })', /^unknown_name: "nothing"/],
  ['item.x', /^name_not_here: "item" in "item\.x" is only there in bodies$/],
  ['constructed', /^unknown_name: "constructed"/],
  ['steps.a.outptu', /^unknown_name: "steps\.a\.outptu".*did you mean "output".*write steps\.a\.output\.outptu/],
  ['$uppercas(input.x)', /^unknown_function: there is no function "\$uppercas" in .*; did you mean "\$uppercase"\?/],
  ['$foo', /^unknown_function: "\$foo" in "\$foo" is given no value/],
  ['$ITEM.x', /^unknown_function: "\$ITEM"/],
];
for (const [source, fault] of told)
  test(`${source} is told`, () => {
    const [first, ...more] = faults(source);
    assert.match(first ?? '', fault);
    assert.deepEqual(more, []);
  });

test('the list of functions is what the evaluator has', async () => {
  const typeOf = async (name: string): Promise<unknown> => answer({ id: 1, kind: 'expression', source: `$exists($${name})`, scope: '{}' });
  for (const name of FUNCTIONS) assert.deepEqual(await typeOf(name), { id: 1, value: 'true' }, name);
  assert.deepEqual(await typeOf('uppercas'), { id: 1, value: 'false' });
});

test('names that every object inherits are told without reaching for them', () => {
  const source = 'toStrin';
  assert.deepEqual(nameFaults(compileExpression(source).ast, source, { roots: ['input'], elsewhere: {} }).length, 1);
});
