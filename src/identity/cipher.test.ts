import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createCipher } from './cipher.ts';

const KEY = '0'.repeat(64);
const PLACE = ['secret', 'org_1', 'TOKEN'];

test('what was sealed opens at its place, whatever it holds', () => {
  const cipher = createCipher(KEY);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.string(), { maxLength: 4 }), (bytes, place) => {
      assert.deepEqual(cipher.open(cipher.seal(Buffer.from(bytes), place), place), Buffer.from(bytes));
    }),
  );
});

test('the same value never seals to the same bytes, and never shows', () => {
  const cipher = createCipher(KEY);
  const value = Buffer.from('a value that must not show');
  const one = cipher.seal(value, PLACE);
  assert.notDeepEqual(one, cipher.seal(value, PLACE));
  assert.ok(!one.includes('a value'));
});

test('a sealed value does not open for another org, another name, or places that only look alike', () => {
  const cipher = createCipher(KEY);
  const sealed = cipher.seal(Buffer.from('x'), PLACE);
  for (const place of [['secret', 'org_2', 'TOKEN'], ['secret', 'org_1', 'TOKENS'], ['secret', 'org_1T', 'OKEN'], ['secretorg_1TOKEN'], []])
    assert.throws(() => cipher.open(sealed, place));
});

test('a sealed value with any bit changed does not open', () => {
  const cipher = createCipher(KEY);
  const sealed = cipher.seal(Buffer.from('some value'), PLACE);
  for (let index = 0; index < sealed.length; index++) {
    const changed = Buffer.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 1;
    assert.throws(() => cipher.open(changed, PLACE), `byte ${index}`);
  }
  assert.throws(() => cipher.open(sealed.subarray(0, 20), PLACE));
});

test('another key is told by its id and does not open', () => {
  const other = createCipher('1'.repeat(64));
  assert.notEqual(other.keyId, createCipher(KEY).keyId);
  assert.equal(createCipher(KEY).keyId, createCipher(KEY).keyId);
  assert.throws(() => other.open(createCipher(KEY).seal(Buffer.from('x'), PLACE), PLACE));
});

test('a key below 256 bits is refused', () => {
  assert.throws(() => createCipher('short'), /5 bytes.*openssl rand -hex 32/);
});
