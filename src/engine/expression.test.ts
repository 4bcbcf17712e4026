/** The expression language: what compiles, what is refused, and that the fast path and the full evaluator agree. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../contract/endpoint.ts';
import { answer } from './expression-child.ts';
import { compileExpression, ExpressionError } from './expression.ts';

async function full(source: string, scope: unknown): Promise<Json> {
  const reply = await answer({ id: 1, kind: 'expression', source, scope: JSON.stringify(scope) });
  if ('error' in reply) throw new Error(reply.error);
  return JSON.parse(reply.value) as Json;
}

function plain(source: string, scope: unknown): Json {
  const read = compileExpression(source).plain;
  assert.ok(read, `${source} is plain`);
  return (read(scope) ?? null) as Json;
}

const scope = {
  input: {
    name: 'Ada',
    n: 1,
    one: [{ name: 'x', price: 5, tags: ['t'] }],
    two: [
      { name: 'a', price: 1 },
      { name: 'b', price: 9 },
    ],
    none: [],
    matrix: [[1, 2], [3]],
  },
  steps: { first: { output: { rows: [{ id: 1 }] } } },
};

test('paths and filters over arrays stay arrays, whatever their length', async () => {
  assert.deepEqual(await full('input.one.name', scope), ['x']);
  assert.deepEqual(await full('input.one[price > 1]', scope), [scope.input.one[0]]);
  assert.deepEqual(await full('input.two[price > 5].name', scope), ['b']);
  assert.deepEqual(await full('input.two[price > 100]', scope), []);
  assert.deepEqual(await full('{ "names": input.one.name, "none": input.two[price > 100] }', scope), { names: ['x'], none: [] });
  assert.deepEqual(await full('$filter(input.two, function($item) { $item.price > 5 })', scope), [{ name: 'b', price: 9 }]);
  assert.deepEqual(await full('input.n > 0 ? input.one.name : 1', scope), ['x']);
});

test('an index names one item, a missing value is null', async () => {
  assert.equal(await full('input.one[0].name', scope), 'x');
  assert.equal(await full('input.two[-1].name', scope), 'b');
  assert.equal(await full('input.two[$count($$.input.two) - 1].name', scope), 'b');
  assert.equal(await full('input.nothing.there', scope), null);
  assert.deepEqual(await full('input.matrix[1]', scope), [3]);
});

test('operands keep the meaning JSONata gives them', async () => {
  assert.equal(await full('input.two[name = "b"].price = 9', scope), true);
  assert.equal(await full('input.two[name = "b"].price + 1', scope), 10);
  assert.equal(await full('$exists(input.two[price > 100])', scope), false);
});

test('the fast path reads what the full evaluator reads', async () => {
  const name = fc.constantFrom('a', 'b', 'c', 'input');
  const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 0, 1, 'text', ''),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    ),
  })).value;
  const segment = fc
    .tuple(name, fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }))
    .map(([key, index]) => (index === undefined ? key : `${key}[${index}]`));
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('.'));
  await fc.assert(
    fc.asyncProperty(path, fc.dictionary(name, value, { minKeys: 2 }), async (source, root) => {
      assert.deepEqual(JSON.parse(JSON.stringify(plain(source, root))), await full(source, root), source);
    }),
    { numRuns: 2_000 },
  );
});

test('literals are plain', () => {
  for (const [source, value] of [
    ['1', 1],
    ['-2.5', -2.5],
    ['"x"', 'x'],
    ['true', true],
    ['null', null],
  ] as const)
    assert.equal(plain(source, {}), value);
});

test('prototype tricks are refused when they are compiled', () => {
  for (const source of [
    'input.constructor',
    'input.__proto__.x',
    '$lookup(input, "constructor")',
    'input."toString"',
    '`__proto__`',
    '(input.constructor)("x")',
    'input.hasOwnProperty("a")',
    '$eval("1")',
    'input ~> |$|{"__proto__": {"x": 1}}|',
    '$.input.valueOf()',
  ]) {
    assert.throws(() => compileExpression(source), ExpressionError, source);
  }
});

test('prototype tricks that are put together at run time find nothing', async () => {
  assert.equal(await full('$lookup(input, "const" & "ructor")', scope), null);
  assert.equal(await full('$lookup(input, $join(["__pro", "to__"]))', scope), null);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('a deep or broken expression is refused with where it breaks', () => {
  assert.throws(() => compileExpression('('.repeat(9_000)), /bad_expression|nested|end of expression|Expected/i);
  assert.throws(
    () => compileExpression('input.['),
    (error: unknown) => error instanceof ExpressionError && error.message.includes('character'),
  );
  assert.throws(() => compileExpression('x'.repeat(10_001)), /10001 characters, the limit is 10000/);
});

test('it is known which steps, roots and secrets an expression reads', () => {
  const { reads } = compileExpression('steps.a.output.x & $string(steps.b.output) & $$.steps.c.output');
  assert.deepEqual([...reads.namedSteps].toSorted(), ['a', 'b', 'c']);
  assert.equal(compileExpression('$merge(steps.*.output)').reads.steps, null);
  assert.equal(compileExpression('$').reads.roots, null);
  assert.deepEqual(compileExpression('input.items[steps > 1]').reads.namedSteps, new Set());
  assert.equal(compileExpression('$now()').reads.isDeterministic, false);
  assert.deepEqual(compileExpression('"Bearer " & secrets.TOKEN').reads.secrets, new Set(['TOKEN']));
});

test('a secret is used alone, joined or in base64, and in no other way', () => {
  for (const source of ['secrets.A', '"x" & secrets.A', '$base64encode(input.user & ":" & secrets.A)', '(secrets.A)'])
    assert.equal(compileExpression(source).hasSecrets, true);
  for (const source of ['$length(secrets.A)', 'secrets', 'secrets.*', 'secrets.A.b', 'input.x = secrets.A', '$lookup(secrets, "A")', '[secrets.A]']) {
    assert.throws(
      () => compileExpression(source),
      (error: unknown) => error instanceof ExpressionError && error.code === 'secret_use',
      source,
    );
  }
});
