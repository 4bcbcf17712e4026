import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { webhookParams } from '../contract/trigger-params.ts';
import { deliveryOf, judgeWebhook } from './webhook-auth.ts';
import { webhookKeyFault } from './webhook-jwt.ts';

const NOW = Date.UTC(2026, 5, 1);
const SECRET = 'a shared secret of thirty-two bytes at least';
const second = NOW / 1_000;
const rsa = await generateKeyPair('RS256', { extractable: true });
const ec = await generateKeyPair('ES256', { extractable: true });
const rsaPem = await exportSPKI(rsa.publicKey);

type Claims = Record<string, unknown>;
const token = (alg: string, key: Parameters<SignJWT['sign']>[0], claims: Claims = {}, header: Claims = {}): Promise<string> =>
  new SignJWT({ exp: second + 60, iss: 'https://issuer', aud: 'studio', ...claims }).setProtectedHeader({ alg, ...header }).sign(key);
const bytes = new TextEncoder().encode(SECRET);
const params = (jwt: object) => webhookParams.parse({ auth: 'jwt', secret: 'HOOK', jwt });

async function verdict(jwt: object, secret: string, sent: string | undefined, headers: Record<string, string> = {}): Promise<string> {
  const all = new Headers({ ...(sent === undefined ? {} : { authorization: `Bearer ${sent}` }), ...headers });
  const judged = await judgeWebhook(params(jwt), secret, { headers: all, body: Buffer.alloc(0), nowMs: NOW });
  return 'refusal' in judged ? judged.refusal : 'in';
}

test('a token of the one algorithm, signed by the key, is let in: shared secret, PEM, JWK, JWKS', async () => {
  const rsaJwk = { ...(await exportJWK(rsa.publicKey)), kid: 'one' };
  const ecJwk = await exportJWK(ec.publicKey);
  const other = { ...(await exportJWK((await generateKeyPair('RS256', { extractable: true })).publicKey)), kid: 'two' };
  for (const [alg, secret, sent] of [
    ['HS256', SECRET, await token('HS256', bytes)],
    ['RS256', rsaPem, await token('RS256', rsa.privateKey)],
    ['ES256', await exportSPKI(ec.publicKey), await token('ES256', ec.privateKey)],
    ['RS256', JSON.stringify(rsaJwk), await token('RS256', rsa.privateKey)],
    ['ES256', JSON.stringify(ecJwk), await token('ES256', ec.privateKey)],
    ['RS256', JSON.stringify({ keys: [other, rsaJwk] }), await token('RS256', rsa.privateKey, {}, { kid: 'one' })],
  ] as const) {
    assert.equal(await verdict({ alg, issuer: 'https://issuer', audience: 'studio' }, secret, sent), 'in', `${alg} ${secret.slice(0, 20)}`);
    assert.equal(await webhookKeyFault(secret, alg), undefined);
  }
});

test('no token, another algorithm, none, another key, and a public key taken for a secret are refused', async () => {
  const right = await token('HS256', bytes);
  const refused: readonly (readonly [string, object, string, string | undefined])[] = [
    ['no token', { alg: 'HS256' }, SECRET, undefined],
    ['garbage', { alg: 'HS256' }, SECRET, 'a.b.c'],
    ['alg none', { alg: 'HS256' }, SECRET, new UnsecuredJWT({ exp: second + 60 }).encode()],
    ['stripped signature', { alg: 'HS256' }, SECRET, right.slice(0, right.lastIndexOf('.') + 1)],
    ['another algorithm', { alg: 'RS256' }, rsaPem, right],
    ['the public key as the shared secret', { alg: 'RS256' }, rsaPem, await token('HS256', new TextEncoder().encode(rsaPem))],
    ['the same, and the trigger says HS256', { alg: 'HS256' }, rsaPem, await token('HS256', new TextEncoder().encode(rsaPem))],
    ['another secret', { alg: 'HS256' }, SECRET, await token('HS256', new TextEncoder().encode(`${SECRET}!`))],
    ['HS512', { alg: 'HS256' }, SECRET, await token('HS512', new Uint8Array(64))],
    ['another key', { alg: 'ES256' }, await exportSPKI(ec.publicKey), await token('ES256', (await generateKeyPair('ES256')).privateKey)],
    ['a short secret', { alg: 'HS256' }, 'short', await token('HS256', new TextEncoder().encode('short'))],
    ['a secret that is no key', { alg: 'RS256' }, 'nothing', right],
    ['a key in the token', { alg: 'RS256' }, rsaPem, await token('RS256', ec.privateKey as never, {}, {}).catch(() => 'x')],
  ];
  for (const [name, jwt, secret, sent] of refused) assert.notEqual(await verdict(jwt, secret, sent), 'in', name);
  assert.match((await webhookKeyFault(rsaPem, 'HS256')) ?? '', /no public key/);
  assert.match((await webhookKeyFault('nothing', 'ES256')) ?? '', /must be a public key for ES256/);
});

test('end, issuer, audience and age are checked; a token without an end is refused', async () => {
  const jwt = { alg: 'HS256', issuer: 'https://issuer', audience: 'studio', maxAgeS: 300 };
  const with_ = (claims: Claims): Promise<string> => token('HS256', bytes, { iat: second, ...claims });
  assert.equal(await verdict(jwt, SECRET, await with_({})), 'in');
  for (const [claims, says] of [
    [{ exp: second - 60 }, /expired/],
    [{ exp: undefined }, /"exp"/],
    [{ nbf: second + 600 }, /"nbf"/],
    [{ iss: 'https://other' }, /"iss"/],
    [{ aud: 'other' }, /"aud"/],
    [{ aud: undefined }, /"aud"/],
    [{ iat: second - 3_600 }, /expired|"iat"/],
    [{ iat: undefined }, /"iat"/],
  ] as const)
    assert.match(await verdict(jwt, SECRET, await with_(claims)), says, JSON.stringify(claims));
});

test('where a token counts once, its jti is the delivery; it must have one', async () => {
  const jwt = { alg: 'HS256', once: true };
  assert.match(await verdict(jwt, SECRET, await token('HS256', bytes)), /"jti"/);
  const sent = await token('HS256', bytes, { jti: 'j1' });
  const headers = new Headers({ authorization: `Bearer ${sent}`, 'x-studio-delivery': 'anything' });
  const judged = await judgeWebhook(params(jwt), SECRET, { headers, body: Buffer.alloc(0), nowMs: NOW });
  assert.deepEqual(judged, { proofId: 'j1' });
  const other = new Headers({ 'x-studio-delivery': 'else' });
  assert.deepEqual(deliveryOf(params(jwt), headers, 'j1'), deliveryOf(params(jwt), other, 'j1'), 'an unsigned id makes no new call of it');
});

test('a token may stand in another header', async () => {
  const sent = await token('HS256', bytes);
  const own = webhookParams.parse({ auth: 'jwt', secret: 'HOOK', header: 'X-Token', jwt: { alg: 'HS256' } });
  const call = (headers: Record<string, string>) => judgeWebhook(own, SECRET, { headers: new Headers(headers), body: Buffer.alloc(0), nowMs: NOW });
  assert.deepEqual(await call({ 'x-token': sent }), {});
  assert.ok('refusal' in (await call({ authorization: `Bearer ${sent}` })));
});
