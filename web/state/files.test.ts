import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folderRows, previewKind } from './files.ts';
import type { File as StoredFile } from '../../src/contract/files.ts';

function file(path: string, bytes: number, mediaType = 'text/plain'): StoredFile {
  return { id: path, path, bytes, sha256: '', mediaType, createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z' };
}

const files = [file('a/x.txt', 1), file('a/b/y.txt', 2), file('img10.png', 4), file('img9.png', 8), file('ab.txt', 16)];

test('folders come first with what lies below them, then files in the order people count', () => {
  const rows = folderRows(files, '', '');
  assert.deepEqual(
    rows.map((row) => [row.kind, row.name]),
    [
      ['folder', 'a'],
      ['file', 'ab.txt'],
      ['file', 'img9.png'],
      ['file', 'img10.png'],
    ],
  );
  assert.deepEqual(rows[0]?.kind === 'folder' && [rows[0].prefix, rows[0].count, rows[0].bytes], ['a/', 2, 3]);
});

test('inside a folder names are relative to it', () => {
  assert.deepEqual(
    folderRows(files, 'a/', '').map((row) => row.name),
    ['b', 'x.txt'],
  );
});

test('a search looks through all folders below', () => {
  assert.deepEqual(
    folderRows(files, '', 'Y.T').map((row) => row.name),
    ['a/b/y.txt'],
  );
});

test('a page of HTML is read as text, and bytes of unknown kind are not shown', () => {
  assert.equal(previewKind(file('x.html', 10, 'text/html')), 'text');
  assert.equal(previewKind(file('x.svg', 10, 'image/svg+xml')), 'image');
  assert.equal(previewKind(file('x.json', 10, 'application/json')), 'json');
  assert.equal(previewKind(file('x.json', 10_000_000, 'application/json')), 'text');
  assert.equal(previewKind(file('x.bin', 10, 'application/octet-stream')), 'none');
});
