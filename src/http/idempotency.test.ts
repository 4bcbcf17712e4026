import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as z from 'zod';
import { AppError } from '../kernel/fail.ts';
import { deferred } from '../kernel/deferred.ts';
import { fakeClock } from '../test/fake-clock.ts';
import { ADMIN, addPerson, openDoor, type Door } from '../test/door.ts';
import type { Route } from './route.ts';

const clock = fakeClock();
/** Ids that the handler was given, in order. */
const made: string[] = [];
const repeats: boolean[] = [];
let behave: () => void | Promise<void> = () => undefined;
const routes = (): readonly Route[] => [
  {
    spec: {
      key: 'POST /api/v1/workflows/{id}/instances',
      tag: 'probe',
      summary: 'probe',
      params: z.strictObject({ id: z.string() }),
      body: z.looseObject({}),
      status: 201,
      reply: z.unknown(),
    },
    handle: async (call) => {
      const id = call.newId('inst');
      made.push(id);
      repeats.push(call.isRepeat);
      await behave();
      return { body: { id, second: call.newId('job') }, headers: { location: `/api/v1/instances/${id}` } };
    },
  },
];

let door: Door;
let token = '';
before(async () => {
  door = await openDoor({ clock, routes });
  token = String((await door.admin()).token);
});
after(() => door.close());

let keys = 0;
const newKey = (): string => `key-${++keys}`;
const submit = (key: string, body: unknown = { a: 1 }, at: Door = door, path = '/api/v1/workflows/wf_1/instances', as = token) =>
  at.call('POST', path, { body, headers: { 'idempotency-key': key, authorization: `Bearer ${as}` } });
const codeOf = (body: unknown): string => (body as { error: { code: string } }).error.code;

test('the second request with a key gets the first answer: status, body and headers', async () => {
  const key = newKey();
  const before = made.length;
  const first = await submit(key);
  const second = await submit(key);
  assert.equal(first.status, 201);
  assert.equal(first.headers['idempotency-replayed'], undefined);
  assert.deepEqual([second.status, second.text, second.headers['location']], [201, first.text, first.headers['location']]);
  assert.equal(second.headers['idempotency-replayed'], 'true');
  assert.equal(made.length, before + 1);
});

test('of fifty at once one does the work; the others get its answer or are told to wait', async () => {
  const key = newKey();
  const before = made.length;
  const replies = await Promise.all(Array.from({ length: 50 }, () => submit(key)));
  assert.equal(made.length, before + 1);
  for (const reply of replies) assert.ok(reply.status === 201 || (reply.status === 409 && reply.headers['retry-after'] !== undefined), reply.text);
  assert.ok(replies.some((reply) => reply.status === 201));
  assert.equal((await submit(key)).headers['idempotency-replayed'], 'true');
});

test('the same key with another body, query or path is another request: refused', async () => {
  const key = newKey();
  await submit(key);
  for (const reply of [await submit(key, { a: 2 }), await submit(key, { a: 1 }, door, '/api/v1/workflows/wf_2/instances')]) {
    assert.equal(reply.status, 422);
    assert.equal(codeOf(reply.body), 'idempotency_conflict');
  }
});

test('keys are of their caller: another person with the same key does work of their own', async () => {
  const key = newKey();
  const person = await addPerson(door, 'user', 'idempotent@example.com');
  const first = await submit(key);
  const theirs = await submit(key, { a: 1 }, door, undefined, String(person.client.token));
  assert.equal(theirs.status, 201);
  assert.notEqual(theirs.text, first.text);
});

test('a refusal is an answer: it is kept too', async () => {
  const key = newKey();
  const before = made.length;
  behave = () => {
    throw new AppError('illegal_transition', { message: 'not now' });
  };
  const first = await submit(key);
  behave = () => undefined;
  const second = await submit(key);
  assert.deepEqual([first.status, second.status, second.text], [409, 409, first.text]);
  assert.equal(made.length, before + 1);
});

test('what may be tried again is not kept: full queues, a lost database', async () => {
  for (const code of ['queue_full', 'database_unavailable'] as const) {
    const key = newKey();
    behave = () => {
      throw new AppError(code);
    };
    assert.notEqual((await submit(key)).status, 201);
    behave = () => undefined;
    assert.equal((await submit(key)).status, 201);
  }
});

test('after a fault nobody knows how far the work came: the next try gets the same ids, and is told', async () => {
  const key = newKey();
  behave = () => {
    throw new Error('fault after the commit');
  };
  assert.equal((await submit(key)).status, 500);
  behave = () => undefined;
  assert.equal((await submit(key)).status, 201);
  assert.equal(made.at(-1), made.at(-2));
  assert.deepEqual(repeats.slice(-2), [false, true]);
});

test('a process that died at work is followed by the next try once its request could not be alive any more', async () => {
  const key = newKey();
  const dying = await openDoor({ clock, routes, beside: door });
  const stuck = deferred<void>();
  behave = () => stuck.promise;
  const lost = submit(key, { a: 1 }, dying).catch(() => undefined);
  while (repeats.length === 0 || made.length === 0 || !(await isInFlight(key))) await new Promise((resolve) => setTimeout(resolve, 5));
  behave = () => undefined;
  assert.equal((await submit(key)).status, 409);
  await clock.advance(120_001);
  const first = made.at(-1);
  token = String((await door.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email: ADMIN.email, password: ADMIN.password }))['accessToken']);
  const taken = await submit(key);
  assert.equal(taken.status, 201);
  assert.equal(made.at(-1), first);
  assert.equal(repeats.at(-1), true);
  stuck.resolve();
  await lost;
  assert.equal((await submit(key)).text, taken.text, 'the late end of the first try changes nothing');
  await dying.close();
});

async function isInFlight(key: string): Promise<boolean> {
  const { rows } = await door.database.engine.query('select key from idempotency_keys where key = $1 and status is null', [key]);
  return rows.length === 1;
}

test('a key is forgotten after 24 hours', async () => {
  const key = newKey();
  const first = await submit(key);
  await clock.advance(24 * 3_600_000 + 1);
  token = String((await door.anonymous.expect(200, 'POST', '/api/v1/auth/login', { email: ADMIN.email, password: ADMIN.password }))['accessToken']);
  const second = await submit(key, { another: 'body' });
  assert.equal(second.status, 201);
  assert.notEqual(second.text, first.text);
});

for (const path of ['/api/v1/auth/login', '/api/v1/auth/refresh', '/api/v1/api-keys']) {
  test(`${path} takes no key: its reply is not kept`, async () => {
    const reply = await submit(newKey(), {}, door, path);
    assert.equal(reply.status, 400);
  });
}

for (const key of ['x'.repeat(256), 'with blank', 'ümlaut']) {
  test(`a key that is none is refused: ${key.slice(0, 12)}`, async () => {
    assert.equal((await submit(encodeURI(key) === key ? key : Buffer.from(key).toString('latin1'))).status, 400);
  });
}

test('answers are encrypted at rest', async () => {
  const key = newKey();
  const reply = await submit(key);
  const { rows } = await door.database.engine.query<{ response: Buffer }>('select response from idempotency_keys where key = $1', [key]);
  assert.ok(!rows[0]?.response.toString('latin1').includes((reply.body as { id: string }).id));
});

test('ids of one request differ, sort in their order, and are well-formed', async () => {
  const { body } = await submit(newKey());
  const { id, second } = body as { id: string; second: string };
  assert.match(id, /^inst_[0-9a-hjkmnp-tv-z]{26}$/);
  assert.ok(id.slice(5) < second.slice(4));
});
