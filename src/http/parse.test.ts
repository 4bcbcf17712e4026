import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as z from 'zod';
import { AppError } from '../kernel/fail.ts';
import { MAX_JSON_DEPTH, decodePart, parseBy, parseJson, parseQuery, readBody } from './parse.ts';

const JSON_TYPE = new Headers({ 'content-type': 'application/json' });
const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
const refusal = (work: () => unknown): AppError => {
  try {
    work();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

test('any JSON value of fit text and bounded depth is parsed as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 20 }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!text.includes('\\u0000') && !text.includes('__proto__'));
      assert.deepEqual(parseJson(bytes(text), JSON_TYPE), JSON.parse(text));
    }),
  );
});

test('an empty body is an empty object, whatever its type', () => {
  assert.deepEqual(parseJson(Buffer.alloc(0), new Headers()), {});
});

const refused: readonly (readonly [string, Buffer, Record<string, string>, RegExp])[] = [
  ['no content type', bytes('{}'), {}, /content type is missing/],
  ['a form', bytes('a=1'), { 'content-type': 'application/x-www-form-urlencoded' }, /x-www-form-urlencoded/],
  ['plain text', bytes('{}'), { 'content-type': 'text/plain' }, /text\/plain/],
  ['multipart', bytes('--x'), { 'content-type': 'multipart/form-data; boundary=x' }, /multipart/],
  ['another charset', bytes('{}'), { 'content-type': 'application/json; charset=utf-16' }, /utf-16/],
  ['a compressed body', bytes('{}'), { 'content-type': 'application/json', 'content-encoding': 'gzip' }, /uncompressed/],
  ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { 'content-type': 'application/json' }, /not UTF-8/],
  ['half a document', bytes('{"a":'), { 'content-type': 'application/json' }, /not JSON/],
  ['two documents', bytes('{}{}'), { 'content-type': 'application/json' }, /not JSON/],
  ['a prototype key', bytes('{"__proto__":{"x":1}}'), { 'content-type': 'application/json' }, /__proto__/],
  ['a prototype key deep inside', bytes('{"a":[{"b":{"__proto__":1}}]}'), { 'content-type': 'application/json' }, /__proto__/],
  ['a NUL character', bytes('{"a":"x\\u0000y"}'), { 'content-type': 'application/json' }, /NUL/],
  ['half a surrogate pair', bytes('{"a":"\\ud800"}'), { 'content-type': 'application/json' }, /surrogate/],
  ['half a surrogate pair in a key', bytes('{"\\udc00":1}'), { 'content-type': 'application/json' }, /surrogate/],
  ['too deep', bytes(nested(MAX_JSON_DEPTH + 2)), { 'content-type': 'application/json' }, /deeper than 100/],
  ['very much too deep', bytes(nested(1_000_000)), { 'content-type': 'application/json' }, /deeper than 100|not JSON/],
];
for (const [name, body, headers, message] of refused) {
  test(`a body is refused: ${name}`, () => {
    const error = refusal(() => parseJson(body, new Headers(headers)));
    assert.equal(error.code, 'invalid_body');
    assert.match(error.message, message);
  });
}

test('nothing that was parsed ever reaches the prototype of objects', () => {
  refusal(() => parseJson(bytes('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'), JSON_TYPE));
  parseJson(bytes('{"constructor":{"prototype":{"polluted":true}}}'), JSON_TYPE);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('JSON as deep as the limit is parsed', () => {
  parseJson(bytes(nested(MAX_JSON_DEPTH)), JSON_TYPE);
});

test('a body beyond the limit is refused by its announced length, and else when it gets there', async () => {
  const announced = new Request('http://x/', { method: 'POST', body: 'x', headers: { 'content-length': '999' } });
  await assert.rejects(
    readBody(announced, 10),
    (error: unknown) => error instanceof AppError && error.code === 'too_large' && /999 bytes.*limit is 10/.test(error.message),
  );
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent++;
      controller.enqueue(new Uint8Array(1_000));
    },
  });
  await assert.rejects(
    readBody(new Request('http://x/', { method: 'POST', body: endless, duplex: 'half' } as RequestInit), 5_000),
    (error: unknown) => error instanceof AppError && error.code === 'too_large',
  );
  assert.ok(sent < 10);
});

test('a body that stops half-way is refused as such', async () => {
  const broken = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(3));
      controller.error(new Error('aborted'));
    },
  });
  await assert.rejects(
    readBody(new Request('http://x/', { method: 'POST', body: broken, duplex: 'half' } as RequestInit)),
    (error: unknown) => error instanceof AppError && error.code === 'invalid_body' && /before it was complete/.test(error.message),
  );
});

test('a query is single values; a bare name is true', () => {
  assert.deepEqual(parseQuery('?a=1&b=x+y%20z&meta&empty='), { a: '1', b: 'x y z', meta: 'true', empty: '' });
  assert.deepEqual(parseQuery(''), {});
});

for (const query of ['?a=1&a=2', '?__proto__=1', '?a=%ff', '?%zz=1', '?a=%00', '?a=%']) {
  test(`a query is refused: ${query}`, () => {
    assert.equal(refusal(() => parseQuery(query)).code, 'invalid_query');
  });
}

test('percent-encoding is undone once, and strictly', () => {
  assert.equal(decodePart('a%252Fb', 'the path'), 'a%2Fb');
  assert.equal(refusal(() => decodePart('%c0%af', 'the path')).code, 'invalid_query');
});

const shape = z.strictObject({
  name: z.string().min(2).max(5),
  count: z.int().max(10).optional(),
  nodes: z.array(z.strictObject({ url: z.url() })).optional(),
});
const messages: readonly (readonly [unknown, RegExp])[] = [
  [{}, /body "name": expected a text; got nothing/],
  [{ name: 5 }, /"name": expected a text; got 5/],
  [{ name: 'much too long' }, /"name": expected a text of at most 5 characters; got a text of 13 characters/],
  [{ name: 'ok', count: 11 }, /"count": expected a number of at most 10; got 11/],
  [{ name: 'ok', extra: 1, more: 2 }, /unknown keys "extra", "more"; remove or rename/],
  [{ name: 'ok', nodes: [{ url: 'http://x' }, { url: 'nope' }] }, /"nodes\[1\]\.url": expected a URL such as/],
  [[], /expected an object; got an array of 0/],
  [null, /expected an object; got null/],
];
for (const [value, message] of messages) {
  test(`a refusal names the thing, the value and the limit: ${JSON.stringify(value)}`, () => {
    const error = refusal(() => parseBy(shape, value, 'body'));
    assert.equal(error.code, 'invalid_body');
    assert.match(error.message, message);
  });
}

test('a refusal never repeats a text that may be a password', () => {
  const error = refusal(() => parseBy(z.strictObject({ password: z.string().max(3) }), { password: 'hunter2 in clear' }, 'body'));
  assert.doesNotMatch(JSON.stringify([error.message, error.details]), /hunter2/);
});

test('every problem is listed, up to twenty, and the rest counted', () => {
  const error = refusal(() =>
    parseBy(
      z.array(z.int()),
      Array.from({ length: 50 }, () => 'x'),
      'body',
    ),
  );
  const problems = error.details?.['problems'];
  assert.ok(Array.isArray(problems) && problems.length === 20);
  assert.match(error.message, /and 49 more/);
});
