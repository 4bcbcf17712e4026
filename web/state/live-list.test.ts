/** Live lists: nothing moves by itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_HELD, appendPage, findRow, holdRow, listOf, removeRow, showHeld, updateRow } from './live-list.ts';

const row = (id: string, seq = 1, status = 'running') => ({ id, seq, status });

test('a known row changes in place', () => {
  const list = updateRow(listOf([row('c'), row('b'), row('a')], null), row('b', 2, 'failed'));
  assert.deepEqual(
    list.rows.map((each) => `${each.id}:${each.status}`),
    ['c:running', 'b:failed', 'a:running'],
  );
});

test('an older event changes nothing', () => {
  const list = listOf([row('a', 5)], null);
  assert.equal(updateRow(list, row('a', 5, 'failed')), list);
});

test('a new row waits until it is asked for', () => {
  const list = holdRow(holdRow(listOf([row('a')], null), row('b')), row('c'));
  assert.deepEqual(
    list.rows.map((each) => each.id),
    ['a'],
  );
  assert.deepEqual(
    list.held.map((each) => each.id),
    ['c', 'b'],
  );
  assert.deepEqual(
    showHeld(list).rows.map((each) => each.id),
    ['c', 'b', 'a'],
  );
});

test('a held row changes while it waits, and is not announced twice', () => {
  const list = holdRow(holdRow(listOf([row('a')], null), row('b')), row('b', 2, 'failed'));
  assert.equal(list.held.length, 1);
  assert.equal(findRow(list, 'b')?.status, 'failed');
});

test('held rows are bounded, the rest is counted', () => {
  let list = listOf([row('a')], null);
  for (let n = 0; n < MAX_HELD + 3; n += 1) list = holdRow(list, row(`b${String(n).padStart(4, '0')}`));
  assert.equal(list.held.length, MAX_HELD);
  assert.equal(list.heldMore, 3);
});

test('an older page is added once', () => {
  const list = appendPage(listOf([row('c'), row('b')], 'n'), [row('b'), row('a')], null);
  assert.deepEqual(
    list.rows.map((each) => each.id),
    ['c', 'b', 'a'],
  );
  assert.equal(list.next, null);
});

test('a deleted row goes', () => {
  assert.deepEqual(
    removeRow(listOf([row('b'), row('a')], null), 'b').rows.map((each) => each.id),
    ['a'],
  );
});

test('a row is found among many after pages were added and rows changed', () => {
  const ids = Array.from({ length: 3_000 }, (_each, n) => `r${String(9_999 - n)}`);
  let list = listOf(
    ids.slice(0, 1_000).map((id) => row(id)),
    'n',
  );
  const short = list;
  list = appendPage(
    list,
    ids.slice(1_000, 2_000).map((id) => row(id)),
    'n',
  );
  list = updateRow(list, row('r8500', 2, 'failed'));
  list = appendPage(
    list,
    ids.slice(2_000).map((id) => row(id)),
    null,
  );
  assert.equal(findRow(list, 'r8500')?.status, 'failed');
  assert.equal(list.rows.filter((each) => each.status === 'failed').length, 1);
  assert.equal(findRow(list, ids.at(-1) ?? '')?.id, ids.at(-1));
  assert.equal(findRow(short, 'r8500'), undefined);
  assert.equal(updateRow(short, row('r8500', 3)), short);
});
