import assert from 'node:assert/strict';
import { test } from 'node:test';
import { looksLikeText, mediaTypeOf } from './media-type.ts';
import { parseRange } from './range.ts';

test('a range is served as asked, cut at the end, and refused beyond it', () => {
  const cases: readonly [string | undefined, number, ReturnType<typeof parseRange>][] = [
    [undefined, 10, undefined],
    ['bytes=0-3', 10, { start: 0, end: 3 }],
    ['bytes=5-', 10, { start: 5, end: 9 }],
    ['bytes=-3', 10, { start: 7, end: 9 }],
    ['bytes=-30', 10, { start: 0, end: 9 }],
    ['bytes=0-99', 10, { start: 0, end: 9 }],
    ['bytes=10-', 10, 'unsatisfiable'],
    ['bytes=-0', 10, 'unsatisfiable'],
    ['bytes=0-', 0, 'unsatisfiable'],
    // Not understood is not an error: the whole is sent (RFC 9110, 14.2).
    ['bytes=3-1', 10, undefined],
    ['bytes=0-1,3-4', 10, undefined],
    ['items=0-1', 10, undefined],
    ['bytes=-', 10, undefined],
    ['bytes=a-b', 10, undefined],
  ];
  for (const [header, size, expected] of cases) assert.deepEqual(parseRange(header, size), expected, String(header));
});

test('a media type comes from what was said, else from the name, else from the bytes', () => {
  assert.equal(mediaTypeOf('a.bin', Buffer.from('x'), 'image/png; q=1'), 'image/png');
  assert.equal(mediaTypeOf('a.CSV', Buffer.from('x'), 'application/octet-stream'), 'text/csv');
  assert.equal(mediaTypeOf('noending', Buffer.from('hällo')), 'text/plain');
  assert.equal(mediaTypeOf('noending', Buffer.from([0, 1])), 'application/octet-stream');
  assert.equal(mediaTypeOf('a', Buffer.from('x'), 'text/html\r\nset-cookie: a=b'), 'text/plain');
});

test('a character cut at the end of the first bytes is still text, broken UTF-8 is not', () => {
  assert.equal(looksLikeText(Buffer.from('é').subarray(0, 1)), true);
  assert.equal(looksLikeText(Buffer.from([0xff, 0xfe, 0x41])), false);
});
