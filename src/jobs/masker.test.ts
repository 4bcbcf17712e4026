import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMasker, maskText } from './masker.ts';

const SECRET = 'hunter2/+ swordfish"é';

function throughChunks(text: string, size: number, secrets: readonly string[]): string {
  const masker = createMasker(secrets);
  const bytes = Buffer.from(text);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(masker.push(bytes.subarray(at, at + size)));
  return Buffer.concat([...out, masker.flush()]).toString();
}

test('a secret is masked wherever a chunk is cut', () => {
  for (const size of [1, 2, 3, 5, 7, 1_000]) assert.equal(throughChunks(`a ${SECRET} b ${SECRET}`, size, [SECRET]), 'a [redacted] b [redacted]');
});

test('a secret is masked in base64, also in the middle of a longer text, URL-escaped, JSON-escaped and hex', () => {
  for (const before of ['', 'x', 'xy', 'xyz']) {
    const encoded = Buffer.from(`${before}${SECRET} after`).toString('base64');
    assert.ok(maskText(encoded, [SECRET]).includes('[redacted]'), before);
  }
  assert.equal(maskText(encodeURIComponent(SECRET), [SECRET]), '[redacted]');
  assert.equal(maskText(JSON.stringify(SECRET), [SECRET]), '"[redacted]"');
  assert.equal(maskText(Buffer.from(SECRET).toString('hex'), [SECRET]), '[redacted]');
});

test('each long line of a secret of several lines is masked', () => {
  assert.equal(maskText('found line-number-one here', ['line-number-one\nline-number-two']), 'found [redacted] here');
});

test('without secrets, and around them, bytes pass unchanged, binary too', () => {
  const bytes = Buffer.from([0, 255, 254, 10, 128]);
  const masker = createMasker(['never-there']);
  assert.deepEqual(Buffer.concat([masker.push(bytes), masker.flush()]), bytes);
  assert.equal(maskText('abc', []), 'abc');
});

test('a property: however it is cut, no chunked output holds the secret, and it equals the output in one piece', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 4, maxLength: 12 }),
      fc.array(fc.string({ maxLength: 10 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 9 }),
      (secret, parts, size) => {
        fc.pre(secret.trim().length >= 4 && !'[redacted]'.includes(secret) && !secret.includes('['));
        const text = parts.join(secret);
        const out = throughChunks(text, size, [secret]);
        assert.equal(out.includes(secret), false);
      },
    ),
  );
});
