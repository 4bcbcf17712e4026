import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as z from 'zod';
import { issueText } from './issue-text.ts';

const cases: readonly [schema: z.ZodType, value: unknown, text: string][] = [
  [z.string(), undefined, 'expected a text; got nothing'],
  [z.string(), 5, 'expected a text; got 5'],
  [z.int(), 1.5, 'expected a whole number; got 1.5'],
  [z.int(), 'long', 'expected a number; got "long"'],
  [z.int().min(1), 0, 'expected a number of at least 1; got 0'],
  [z.number().gt(1), 1, 'expected a number of more than 1; got 1'],
  [z.string().min(1), '', 'expected a text of at least 1 character; got ""'],
  [z.string().max(2), 'x'.repeat(100), 'expected a text of at most 2 characters; got a text of 100 characters'],
  [z.array(z.int()).min(2), [1], 'expected at least 2 items; got an array of 1'],
  [z.array(z.int()), {}, 'expected an array; got an object'],
  [z.enum(['a', 'b', 'c']), 'd', 'expected "a", "b" or "c"; got "d"'],
  [z.literal('a'), null, 'expected "a"; got null'],
  [z.union([z.literal('all'), z.literal('any'), z.int().min(1)]), 'some', 'expected "all", "any" or a number; got "some"'],
  [z.url(), 'nope', 'expected a URL such as https://host/path; got "nope"'],
  [z.string().regex(/^a$/), 'b', 'expected a text like /^a$/; got "b"'],
  [z.string().regex(/^a$/, 'a name is "a"'), 'b', 'a name is "a"; got "b"'],
  [z.strictObject({}), { x: 1, y: 2 }, 'unknown keys "x", "y"; remove or rename'],
  [z.string().refine(() => false, 'not today'), 'x', 'not today'],
  [z.record(z.string().max(1), z.int()), { long: 1 }, 'expected other keys: a text of at most 1 character; got 1'],
  [z.json(), () => 1, 'expected JSON; got an object'],
  [z.discriminatedUnion('type', [z.strictObject({ type: z.literal('a') })]), { type: 'b' }, 'expected a known "type"; got "b"'],
];

for (const [schema, value, text] of cases)
  test(text, () => {
    const [issue] = schema.safeParse(value).error?.issues ?? [];
    assert.ok(issue !== undefined);
    assert.equal(issueText(issue, value, true), text);
  });

test('a text is repeated only when asked for, and never where a secret stands', () => {
  const [issue] = z.strictObject({ password: z.int() }).safeParse({ password: 'hunter2' }).error?.issues ?? [];
  assert.ok(issue !== undefined);
  assert.equal(issueText(issue, { password: 'hunter2' }, true), 'expected a number; got a text of 7 characters');
  assert.equal(issueText({ ...issue, path: ['name'] }, { name: 'hunter2' }), 'expected a number; got a text of 7 characters');
});
