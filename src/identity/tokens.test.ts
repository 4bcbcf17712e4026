import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { fakeClock } from '../test/fake-clock.ts';
import { ACCESS_TOKEN_S, createAccessTokens, hashSecret, isApiKey, newSecret } from './tokens.ts';

const KEY = 'a key of the tests that is long enough, 256 bits';
const SESSION = { sessionId: 'sess_1', userId: 'user_1' };
const START_MS = Date.UTC(2026, 0, 1);

const base64 = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const hmac = (text: string, key: string): string => createHmac('sha256', key).update(text).digest('base64url');
/** A token put together by hand, right in everything that is not named. */
function forge(changes: { header?: Record<string, unknown>; payload?: Record<string, unknown>; key?: string }): string {
  const header = base64({ alg: 'HS256', typ: 'at+jwt', ...changes.header });
  const payload = base64({
    sid: 'sess_1',
    sub: 'user_1',
    iss: 'studio',
    aud: 'studio-api',
    iat: START_MS / 1_000,
    exp: START_MS / 1_000 + 60,
    ...changes.payload,
  });
  return `${header}.${payload}.${hmac(`${header}.${payload}`, changes.key ?? KEY)}`;
}

test('an access token names its session until it expires, and not a second longer', async () => {
  const clock = fakeClock(START_MS);
  const tokens = createAccessTokens(KEY, clock);
  const token = await tokens.sign(SESSION);
  assert.deepEqual(await tokens.verify(token), SESSION);
  clock.jump((ACCESS_TOKEN_S - 1) * 1_000);
  assert.deepEqual(await tokens.verify(token), SESSION);
  clock.jump(1_000);
  assert.equal(await tokens.verify(token), undefined);
});

test('the token put together by hand for the attacks below is accepted when nothing is wrong with it', async () => {
  assert.deepEqual(await createAccessTokens(KEY, fakeClock(START_MS)).verify(forge({})), SESSION);
});

const publicKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }) as string;
const unsigned = `${base64({ alg: 'none', typ: 'at+jwt' })}.${base64({ sid: 'sess_1', sub: 'user_1', iss: 'studio', aud: 'studio-api', iat: START_MS / 1_000, exp: START_MS / 1_000 + 60 })}.`;
const attacks: readonly (readonly [string, string])[] = [
  ['no algorithm', unsigned],
  ['no algorithm, spelt oddly', unsigned.replace(base64({ alg: 'none', typ: 'at+jwt' }), base64({ alg: 'nOnE', typ: 'at+jwt' }))],
  ['RS256 in the header over an HMAC', forge({ header: { alg: 'RS256' } })],
  ['HS384 in the header', forge({ header: { alg: 'HS384' } })],
  ['a public key as the secret', forge({ key: publicKey })],
  ['an empty secret', forge({ key: '' })],
  ['another secret', forge({ key: `${KEY}!` })],
  ['a kid that points at a file, over an empty key', forge({ header: { kid: '../../../../dev/null' }, key: '' })],
  ['an embedded key', forge({ header: { jwk: { kty: 'oct', k: base64('x'.repeat(32)) } }, key: 'x'.repeat(32) })],
  ['a critical extension that nobody knows', forge({ header: { crit: ['x'], x: 1 } })],
  ['another audience', forge({ payload: { aud: 'studio' } })],
  ['another issuer', forge({ payload: { iss: 'else' } })],
  ['another type', forge({ header: { typ: 'JWT' } })],
  ['no type', forge({ header: { typ: undefined } })],
  ['no expiry', forge({ payload: { exp: undefined } })],
  ['an expiry that is text', forge({ payload: { exp: '9999999999' } })],
  ['an expiry of this very second', forge({ payload: { exp: START_MS / 1_000 } })],
  ['not valid yet', forge({ payload: { nbf: START_MS / 1_000 + 30 } })],
  ['no session', forge({ payload: { sid: undefined } })],
  ['a session that is a list', forge({ payload: { sid: ['sess_1'] } })],
  ['no subject', forge({ payload: { sub: undefined } })],
  ['a truncated signature', forge({}).slice(0, -4)],
  ['two tokens in one', `${forge({})}.${forge({})}`],
  ['garbage', 'a.b.c'],
  ['nothing', ''],
];
for (const [name, token] of attacks) {
  test(`a token is refused: ${name}`, async () => {
    assert.equal(await createAccessTokens(KEY, fakeClock(START_MS)).verify(token), undefined);
  });
}

test('a token signed with jose but for another purpose is refused', async () => {
  const token = await new SignJWT({ sid: 'sess_1' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('user_1')
    .setIssuedAt(START_MS / 1_000)
    .setExpirationTime(START_MS / 1_000 + 60)
    .sign(Buffer.from(KEY));
  assert.equal(await createAccessTokens(KEY, fakeClock(START_MS)).verify(token), undefined);
});

test('a signing key below 256 bits is refused, with how to make one', () => {
  assert.throws(() => createAccessTokens('x'.repeat(31), fakeClock()), /31 bytes.*openssl rand -hex 32/);
  assert.throws(() => createAccessTokens('', fakeClock()), /0 bytes/);
});

test('opaque secrets hold 256 random bits, show their kind, and are kept as a hash', () => {
  const key = newSecret('key');
  assert.match(key, /^stk_[A-Za-z0-9_-]{43}$/);
  assert.ok(isApiKey(key));
  assert.ok(!isApiKey(newSecret('refresh')));
  assert.notEqual(newSecret('key'), key);
  assert.equal(hashSecret(key).length, 32);
  assert.ok(!hashSecret(key).toString('latin1').includes(key));
});
