import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addRange, countBytes, firstGap, type Range } from './download-ranges.ts';

const ranges = fc.array(
  fc.tuple(fc.nat(60), fc.nat(20)).map(([from, length]): Range => [from, from + length]),
  { maxLength: 20 },
);

/** What a list of ranges means, byte by byte. */
function bytesOf(list: readonly Range[]): string {
  return Array.from({ length: 81 }, (_, at) => (list.some(([from, to]) => at >= from && at < to) ? '1' : '0')).join('');
}

test('added in any order, ranges mean the bytes they cover, sorted and apart', () => {
  fc.assert(
    fc.property(ranges, (list) => {
      const joined = list.reduce<readonly Range[]>(addRange, []);
      assert.equal(bytesOf(joined), bytesOf(list));
      assert.equal(countBytes(joined), [...bytesOf(list)].filter((byte) => byte === '1').length);
      assert.ok(joined.every(([from], index) => index === 0 || from > (joined[index - 1]?.[1] ?? 0)));
    }),
  );
});

test('filling gap after gap fills the file, in order and in bites', () => {
  fc.assert(
    fc.property(ranges, fc.integer({ min: 1, max: 30 }), (list, maxBytes) => {
      let joined = list.reduce<readonly Range[]>(addRange, []);
      for (let gap = firstGap(joined, 80, maxBytes); gap !== undefined; gap = firstGap(joined, 80, maxBytes)) {
        assert.ok(gap[1] - gap[0] <= maxBytes && gap[1] > gap[0] && gap[1] <= 80);
        assert.ok(!bytesOf(joined).slice(gap[0], gap[1]).includes('1'));
        joined = addRange(joined, gap);
      }
      assert.ok(!bytesOf(joined).slice(0, 80).includes('0'));
    }),
  );
});
