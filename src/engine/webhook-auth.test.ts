import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { webhookParams, type WebhookParams } from '../contract/trigger-params.ts';
import { deliveryOf, judgeWebhook } from './webhook-auth.ts';
import { webhookInput } from './webhook-input.ts';

const NOW = Date.UTC(2026, 5, 1);
const SECRET = 'a secret of some length';
const hmac = webhookParams.parse({ auth: 'hmac', secret: 'HOOK' });

function sign(text: string, secret = SECRET): string {
  return `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`;
}
function signed(body: string, more: Record<string, string | undefined> = {}, at = NOW, delivery = 'd1'): { headers: Headers; body: Buffer; nowMs: number } {
  const seconds = String(Math.floor(at / 1_000));
  const all = { 'x-studio-delivery': delivery, 'x-studio-timestamp': seconds, 'x-studio-signature': sign(`${delivery}.${seconds}.${body}`), ...more };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { headers: new Headers(given), body: Buffer.from(body), nowMs: NOW };
}
const isIn = async (params: WebhookParams, call: Parameters<typeof judgeWebhook>[2], secret = SECRET): Promise<boolean> =>
  !('refusal' in (await judgeWebhook(params, secret, call)));

test('a right signature is let in; every other spelling of it is not', async () => {
  const right = signed('{"a":1}');
  assert.equal(await isIn(hmac, right), true);
  const signature = right.headers.get('x-studio-signature') ?? '';
  const spellings = [
    undefined,
    '',
    'sha256=',
    signature.toUpperCase(),
    signature.replace('sha256=', 'SHA256='),
    signature.slice(7),
    `${signature}0`,
    signature.slice(0, -1),
    ` ${signature.slice(7)}`,
    `${signature}, ${signature}`,
    signature.replace('sha256', 'sha1'),
    `sha256=${Buffer.from(signature.slice(7), 'hex').toString('base64')}`,
  ];
  for (const spelling of spellings) assert.equal(await isIn(hmac, signed('{"a":1}', { 'x-studio-signature': spelling })), false, String(spelling));
});

test('the signature is over the bytes that came', async () => {
  const right = signed('{"a":1}');
  for (const body of ['{"a": 1}', '{"a":1}\n', '', '{"a":2}']) assert.equal(await isIn(hmac, { ...right, body: Buffer.from(body) }), false, body);
  const bytes = Buffer.from([0xff, 0x00, 0x80]);
  const seconds = String(NOW / 1_000);
  const signature = `sha256=${createHmac('sha256', SECRET).update('d1.').update(`${seconds}.`).update(bytes).digest('hex')}`;
  assert.equal(
    await isIn(hmac, {
      headers: new Headers({ 'x-studio-delivery': 'd1', 'x-studio-timestamp': seconds, 'x-studio-signature': signature }),
      body: bytes,
      nowMs: NOW,
    }),
    true,
  );
});

test('the delivery id and the time are signed: neither can be swapped', async () => {
  assert.equal(await isIn(hmac, signed('x', { 'x-studio-delivery': 'd2' })), false);
  assert.equal(await isIn(hmac, signed('x', { 'x-studio-delivery': undefined })), false);
  assert.equal(await isIn(hmac, signed('x', { 'x-studio-timestamp': String(NOW / 1_000 + 1) })), false);
  for (const odd of ['d.1', 'd 1', 'd/1', 'x'.repeat(201)]) assert.equal(await isIn(hmac, signed('x', {}, NOW, odd)), false, odd);
});

test('a call more than five minutes old, or early, is refused', async () => {
  for (const [offset, expected] of [
    [0, true],
    [-299_000, true],
    [299_000, true],
    [-301_000, false],
    [301_000, false],
    [-86_400_000, false],
  ] as const) {
    assert.equal(await isIn(hmac, signed('x', {}, NOW + offset)), expected, String(offset));
  }
  for (const odd of ['', 'now', '-1', '1e9', '0x5', ' ']) assert.equal(await isIn(hmac, signed('x', { 'x-studio-timestamp': odd })), false, odd);
});

test('without a secret nobody comes in, whatever is signed', async () => {
  assert.equal(await isIn(hmac, signed('x'), 'another secret'), false);
  const withEmpty = signed('x', { 'x-studio-signature': sign(`d1.${NOW / 1_000}.x`, '') });
  assert.equal(await isIn(hmac, withEmpty, ''), false);
  const header = webhookParams.parse({ auth: 'header', secret: 'HOOK' });
  assert.equal(await isIn(header, { headers: new Headers({ 'x-studio-secret': '' }), body: Buffer.alloc(0), nowMs: NOW }, ''), false);
});

test('auth header: the exact secret in the named header, nothing near it', async () => {
  const call = (headers: Record<string, string>): Parameters<typeof judgeWebhook>[2] => ({
    headers: new Headers(headers),
    body: Buffer.alloc(0),
    nowMs: NOW,
  });
  const plain = webhookParams.parse({ auth: 'header', secret: 'HOOK' });
  assert.equal(await isIn(plain, call({ 'x-studio-secret': SECRET })), true);
  for (const headers of [
    {},
    { 'x-studio-secret': `${SECRET}x` },
    { 'x-studio-secret': SECRET.toUpperCase() },
    { 'x-other': SECRET },
    { 'x-studio-secret': `${SECRET}, ${SECRET}` },
  ])
    assert.equal(await isIn(plain, call(headers)), false);
  const bearer = webhookParams.parse({ auth: 'header', secret: 'HOOK', header: 'Authorization' });
  assert.equal(await isIn(bearer, call({ authorization: `Bearer ${SECRET}` })), true);
  assert.equal(await isIn(bearer, call({ authorization: SECRET })), false);
});

test('a body signed alone counts by its signature: another delivery id makes no new call of it', async () => {
  const github = webhookParams.parse({ auth: 'hmac', secret: 'HOOK', header: 'X-Hub-Signature-256', timestamp: false });
  const headers = (id: string): Headers => new Headers({ 'x-hub-signature-256': sign('x'), 'x-github-delivery': id });
  assert.equal(await isIn(github, { headers: headers('1'), body: Buffer.from('x'), nowMs: NOW }), true);
  assert.deepEqual(deliveryOf(github, headers('1')), deliveryOf(github, headers('2')));
});

test('what names a delivery', async () => {
  const none = webhookParams.parse({ auth: 'none' });
  assert.equal(deliveryOf(none, new Headers()), undefined);
  assert.equal(deliveryOf(none, new Headers({ 'x-studio-delivery': '' })), undefined);
  assert.deepEqual(deliveryOf(none, new Headers({ 'webhook-id': 'm1' })), deliveryOf(none, new Headers({ 'x-studio-delivery': 'm1' })));
  assert.notDeepEqual(deliveryOf(none, new Headers({ 'webhook-id': 'm1' })), deliveryOf(none, new Headers({ 'webhook-id': 'm2' })));
  assert.deepEqual(
    deliveryOf(hmac, new Headers({ 'x-studio-delivery': 'a', 'webhook-id': '1' })),
    deliveryOf(hmac, new Headers({ 'x-studio-delivery': 'a', 'webhook-id': '2' })),
  );
});

test('credentials never become input; JSON is parsed, text stays, bytes are base64', async () => {
  const params = webhookParams.parse({ auth: 'header', secret: 'HOOK', header: 'X-Mine' });
  const input = (body: string | Buffer, type: string): unknown =>
    webhookInput(
      {
        method: 'POST',
        headers: new Headers({
          'content-type': type,
          'x-mine': SECRET,
          authorization: 'Bearer x',
          cookie: 'a=b',
          'x-studio-signature': 's',
          'user-agent': 'test',
        }),
        query: new URLSearchParams('a=1&b=2&b=3&__proto__=x'),
        body: Buffer.from(body),
      },
      params,
      new Date(NOW),
    );
  assert.deepEqual(
    JSON.parse(JSON.stringify(input('{"x":[1]}', 'application/json; charset=utf-8'))),
    JSON.parse(
      '{"method":"POST","query":{"a":"1","b":["2","3"],"__proto__":"x"},"headers":{"content-type":"application/json; charset=utf-8","user-agent":"test"},"body":{"x":[1]},"receivedAt":"2026-06-01T00:00:00.000Z"}',
    ),
  );
  const bodyOf = (body: string | Buffer, type: string): unknown => (input(body, type) as { body: unknown }).body;
  assert.equal(bodyOf('', 'application/json'), null);
  assert.equal(bodyOf('{broken', 'application/json'), '{broken');
  assert.deepEqual(bodyOf('{"a":1}', 'application/vnd.api+json'), { a: 1 });
  assert.equal(bodyOf('hello', 'text/plain'), 'hello');
  assert.deepEqual(bodyOf(Buffer.from([0xff, 0xfe]), 'application/octet-stream'), { base64: '//4=' });
  assert.deepEqual(bodyOf('a\0b', 'text/plain'), { base64: 'YQBi' });
});
