/** Searching back through pages that hold few rows. */
import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { createSearchBack, type SearchBack } from './search-back.ts';

interface Page {
  readonly items: readonly number[];
  readonly searchedTo?: string;
}

/** @returns a search over these pages, and how many were read */
function over(pages: readonly Page[], during: (back: SearchBack, read: number) => void = () => undefined) {
  let read = 0;
  const back: SearchBack = createSearchBack(async () => {
    const page = pages[read];
    read += 1;
    if (page !== undefined) back.saw(page);
    during(back, read);
  });
  return { back, read: () => read };
}

const none = (searchedTo: string): Page => ({ items: [], searchedTo });

test('it goes on until the last page, and says how far it is meanwhile', async () => {
  const seen: unknown[] = [];
  const { back, read } = over([none('c'), none('b'), { items: [1] }], (each) => seen.push(each.searched.value));
  back.saw(none('d'));
  deepEqual(back.searched.value, { to: 'd', isOn: false });
  await back.goOn();
  equal(read(), 3);
  deepEqual(seen, [{ to: 'c', isOn: true }, { to: 'b', isOn: true }, undefined]);
});

test('a screen of rows is enough', async () => {
  const row = Array.from({ length: 30 }, (_, index) => index);
  const { back, read } = over([{ items: row, searchedTo: 'c' }, { items: row, searchedTo: 'b' }, none('a')]);
  await back.goOn();
  equal(read(), 2);
  deepEqual(back.searched.value, { to: 'b', isOn: false });
});

test('it stops when it is told to, and when it took long', async () => {
  const endless = Array.from({ length: 100 }, () => none('x'));
  const stopped = over(endless, (back, read) => read === 3 && back.stop());
  await stopped.back.goOn();
  equal(stopped.read(), 3);
  const long = over(endless);
  await Promise.all([long.back.goOn(), long.back.goOn()]);
  equal(long.read(), 40);
  await long.back.goOn();
  equal(long.read(), 80);
});

test('a full page is no search', async () => {
  const { back, read } = over([{ items: [1] }, { items: [2] }]);
  await back.goOn();
  equal(read(), 1);
  equal(back.searched.value, undefined);
});
