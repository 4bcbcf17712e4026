import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { barPaths, linePaths, tallest } from './outcome-bars.ts';

const bucket = (ok: number, failed: number, line: number | null = null) => ({
  fromMs: 0,
  parts: [
    { key: 'ok', value: ok },
    { key: 'failed', value: failed },
  ],
  line,
});

test('parts are stacked, and the tallest bar fills the height', () => {
  const paths = barPaths([bucket(3, 1), bucket(2, 0)], { width: 20, height: 8, gap: 2 });
  equal(paths.get('ok'), 'M0 2h8v6h-8zM10 4h8v4h-8z');
  equal(paths.get('failed'), 'M0 0h8v2h-8z');
  equal(tallest([]), 1);
});

test('one among thousands can still be seen', () => {
  equal(barPaths([bucket(10_000, 1)], { width: 10, height: 50, gap: 0 }).get('failed'), 'M0 0h10v1h-10z');
});

test('the line breaks where nothing is known', () => {
  deepEqual(linePaths([bucket(1, 0, 10), bucket(1, 0, 20), bucket(0, 0), bucket(1, 0, 20)], { width: 40, height: 12 }), ['5,6 15,1', '35,1 37,1']);
});
