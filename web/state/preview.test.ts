/** Previews. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCsv, previewKind } from './preview.ts';

test('pictures show as pictures, huge ones do not', () => {
  assert.equal(previewKind('image/svg+xml', 'chart.svg', 900), 'image');
  assert.equal(previewKind('image/png', 'x.png', 99 * 1024 * 1024), 'none');
});

test('what could run is text', () => {
  assert.equal(previewKind('text/html', 'report.html', 10), 'text');
  assert.equal(previewKind('application/octet-stream', 'run.sh', 10), 'text');
});

test('unknown bytes have no preview', () => {
  assert.equal(previewKind('application/octet-stream', 'model.bin', 10), 'none');
});

test('a table is read with its quotes', () => {
  assert.deepEqual(parseCsv('a,b\r\n"x, ""y""","two\nlines"\n', 10), [
    ['a', 'b'],
    ['x, "y"', 'two\nlines'],
  ]);
  assert.deepEqual(parseCsv('a,b', 10), [['a', 'b']]);
  assert.equal(parseCsv('1\n2\n3\n', 2).length, 2);
});
