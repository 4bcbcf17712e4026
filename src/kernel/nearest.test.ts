import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearestName } from './nearest.ts';

test('the nearest name has the fewest edits', () => {
  assert.equal(nearestName('prot', ['host', 'port', 'root']), 'port');
  assert.equal(nearestName('x', []), '');
});

const slips: readonly [string, string][] = [
  ['inptu', '; did you mean "input"?'],
  ['INPUT', '; did you mean "input"?'],
  ['stepz', '; did you mean "steps"?'],
  ['somethingelse', ''],
  ['x', ''],
  ['y'.repeat(100_000), ''],
];
for (const [name, said] of slips)
  test(`"${name.slice(0, 20)}" ${said === '' ? 'is near nothing' : `suggests${said}`}`, () =>
    assert.equal(didYouMean(name, ['input', 'steps', 'workflow']), said));
