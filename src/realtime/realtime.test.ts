import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase, type TestDatabase } from '../test/database.ts';
import { callerOf, commitEvents, connectLive, liveEvent, seedRooms, startLive, type LiveClient, type LiveServer } from '../test/live.ts';
import { currentCursor, writeEvents } from '../store/outbox.ts';

let db: TestDatabase;
let live: LiveServer;
before(async () => {
  db = await testDatabase();
  await seedRooms(db.database);
  live = await startLive({ database: db.database });
});
after(async () => {
  await live.close();
  await db.close();
});

/** Waits until everything committed so far was delivered: a marker comes after it. */
async function settled(client: LiveClient): Promise<void> {
  const marker = `marker_${Math.random()}`;
  await commitEvents(db.database, [liveEvent('studio', 1, { kind: 'queue', type: 'jobs:queue:changed', orgId: null, payload: { marker } })]);
  for (;;) {
    if (client.events.some((event) => event.payload['marker'] === marker)) return;
    await client.heard(client.events.length + 1);
  }
}

test('an event reaches the rooms it belongs to, once, in the whole envelope', async () => {
  const client = await connectLive(live.port);
  const answer = await client.subscribe(['instance:inst_a', 'org:org_a', 'workflow:wf_a']);
  assert.deepEqual({ rooms: answer.rooms, denied: answer.denied }, { rooms: ['instance:inst_a', 'org:org_a', 'workflow:wf_a'], denied: [] });
  await commitEvents(db.database, [liveEvent('inst_a', 1, { requestId: 'req_1' })]);
  const [event] = await client.heard(1);
  assert.deepEqual(
    { ...event, event_id: '', cursor: '', emitted_at: '' },
    {
      contract_version: 'v1',
      event_id: '',
      idempotency_key: 'instance:inst_a:1',
      sequence: 1,
      sequence_stream: 'instance:inst_a',
      emitted_at: '',
      event_type: 'engine:step:completed',
      entity_kind: 'instance',
      entity_id: 'inst_a',
      room_keys: ['instance:inst_a', 'workflow:wf_a', 'org:org_a'],
      runtime: 'studio',
      request_id: 'req_1',
      correlation_id: 'inst_a',
      cursor: '',
      payload: { n: 1 },
    },
  );
  await client.subscribe(['system']);
  await settled(client);
  assert.equal(client.events.filter((one) => one.entity_id === 'inst_a').length, 1);
  await client.close();
});

test("another organisation's rooms, unknown ids and odd names are denied, and nothing of them is heard", async () => {
  const client = await connectLive(live.port);
  const rooms = ['org:org_b', 'instance:inst_b', 'workflow:wf_b', 'instance:none', 'user:user_2', 'job:1', 'everything', 'org:', "instance:x' or 1=1"];
  const answer = await client.subscribe([...rooms, 'system', 'user:user_1']);
  assert.deepEqual({ rooms: answer.rooms, denied: answer.denied }, { rooms: ['system', 'user:user_1'], denied: rooms });
  await commitEvents(db.database, [liveEvent('inst_b', 1, { orgId: 'org_b', parent: 'workflow:wf_b' })]);
  await settled(client);
  assert.deepEqual(
    client.events.map((event) => event.entity_kind),
    ['queue'],
  );
  await client.close();
});

test('an unsubscribed room falls silent', async () => {
  const client = await connectLive(live.port);
  await client.subscribe(['instance:inst_a', 'system']);
  client.send({ type: 'unsubscribe', id: 'u', rooms: ['instance:inst_a'] });
  client.send({ type: 'ping' });
  await client.frame((frame) => frame.type === 'pong');
  await commitEvents(db.database, [liveEvent('inst_a', 2)]);
  await settled(client);
  assert.deepEqual(
    client.events.map((event) => event.entity_kind),
    ['queue'],
  );
  await client.close();
});

test('a client that comes back hears what it missed, in order, and then the rest', async () => {
  const client = await connectLive(live.port);
  const { cursor } = await client.subscribe(['instance:inst_a']);
  await client.close();
  for (let n = 100; n < 110; n++) await commitEvents(db.database, [liveEvent('inst_a', n)]);
  const again = await connectLive(live.port);
  const answer = await again.subscribe(['instance:inst_a'], { 'instance:inst_a': cursor });
  assert.equal(answer.cursor, cursor, 'a safe place to resume from');
  await commitEvents(db.database, [liveEvent('inst_a', 110)]);
  assert.deepEqual(
    (await again.heard(11)).map((event) => event.sequence),
    [100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110],
  );
  await again.close();
});

test('two rooms that hear the same event replay it once; one that is joined later is told what came after its place, though another heard it live', async () => {
  const client = await connectLive(live.port);
  const start = await currentCursor(db.database.engine);
  await commitEvents(db.database, [liveEvent('inst_a', 200)]);
  const rooms = { 'instance:inst_a': start, 'org:org_a': start, 'workflow:wf_a': start };
  await client.subscribe(Object.keys(rooms), rooms);
  await commitEvents(db.database, [liveEvent('inst_a', 201)]);
  await client.heard(2);
  client.send({ type: 'unsubscribe', id: 'u', rooms: ['instance:inst_a'] });
  await client.subscribe(['instance:inst_a', 'system'], { 'instance:inst_a': start });
  await settled(client);
  assert.deepEqual(
    client.events.filter((event) => event.entity_kind === 'instance').map((event) => event.sequence),
    [200, 201, 200, 201],
  );
  await client.close();
});

test('a cursor that can not be replayed is a reset, and the room is live from there', async () => {
  const client = await connectLive(live.port);
  await client.subscribe(['instance:inst_a', 'org:org_a', 'system'], { 'instance:inst_a': 'nonsense', 'org:org_a': '99999999999.1' });
  await commitEvents(db.database, [liveEvent('inst_a', 300)]);
  await client.heard(1);
  assert.deepEqual(
    client.frames.slice(0, 4).map((frame) => (frame.type === 'reset' ? frame.room : frame.type)),
    ['subscribed', 'instance:inst_a', 'org:org_a', 'event'],
  );
  await client.close();
});

test('reconnects in a storm of events: every event once, in order, whatever the moment', async () => {
  const total = 400;
  const seen: number[] = [];
  let since: string | undefined;
  let isWriting = true;
  const start = await currentCursor(db.database.engine);
  const writing = (async () => {
    for (let n = 1; n <= total; n++) await commitEvents(db.database, [liveEvent('inst_a', 1_000 + n)]);
    isWriting = false;
  })();
  while (seen.length < total) {
    const client = await connectLive(live.port);
    await client.subscribe(['instance:inst_a', 'org:org_a'], { 'instance:inst_a': since ?? start, 'org:org_a': since ?? start });
    if (seen.length < total) await client.heard(1);
    if (isWriting) await sleep(Math.random() * 20);
    // Cut in the middle of whatever it does; what arrived counts.
    client.ws.terminate();
    await client.closed;
    seen.push(...client.events.map((event) => event.sequence));
    since = client.events.at(-1)?.cursor ?? since;
  }
  await writing;
  assert.deepEqual(
    seen,
    Array.from({ length: total }, (_, index) => 1_001 + index),
  );
});

test('garbage is answered, and ends the socket when it does not stop', async () => {
  const client = await connectLive(live.port);
  for (const frame of ['no json', '{"type":"subscribe"}', '{"type":"publish","room":"system"}', '[]']) client.send(frame);
  client.send({ type: 'ping' });
  await client.frame((frame) => frame.type === 'pong');
  assert.deepEqual(
    client.frames.map((frame) => (frame.type === 'error' ? frame.code : frame.type)),
    ['invalid_frame', 'invalid_frame', 'invalid_frame', 'invalid_frame', 'pong'],
  );
  client.ws.send(Buffer.from([1, 2, 3]));
  assert.equal(await client.closed, 1008);
});

test('a frame over 64 KiB ends the socket with 4413', async () => {
  for (const size of [64 * 1024 + 1, 5_000_000]) {
    const client = await connectLive(live.port);
    client.send(JSON.stringify({ type: 'ping', pad: 'x'.repeat(size) }));
    assert.equal(await client.closed, 4413);
  }
});

test('a flood of frames ends the socket with 4429', async () => {
  const client = await connectLive(live.port);
  for (let n = 0; n < 2_000; n++) client.send({ type: 'ping' });
  assert.equal(await client.closed, 4429);
});

test('a session may hold twenty sockets; the next is closed with 4429 and a freed seat serves again', async () => {
  live.callers.set('many', callerOf('user_many'));
  const clients = await Promise.all(Array.from({ length: 20 }, () => connectLive(live.port, { token: 'many' })));
  await Promise.all(clients.map((client) => client.subscribe(['system'])));
  assert.equal(await (await connectLive(live.port, { token: 'many' })).closed, 4429);
  await clients[0]?.close();
  while (live.realtime.connections > 19) await sleep(5);
  const next = await connectLive(live.port, { token: 'many' });
  await next.subscribe(['system']);
  await Promise.all([next, ...clients].map((client) => client.close()));
});

test('the door: who shows nothing, shows it wrongly or comes from a foreign page stays out', async () => {
  const refusals: [Parameters<typeof connectLive>[1], number][] = [
    [{ token: null }, 401],
    [{ token: 'wrong' }, 401],
    [{ token: null, path: '/api/v1/realtime?token=token&access_token=token' }, 401],
    [{ token: null, headers: { cookie: 'studio_session=token' } }, 403],
    [{ token: null, headers: { cookie: 'studio_session=token', origin: 'https://evil.example' } }, 403],
    [{ token: null, headers: { cookie: 'studio_session=token', origin: 'null' } }, 403],
    [{ token: 'token', headers: { origin: 'https://evil.example' } }, 403],
    [{ protocols: ['studio.v2', 'Bearer.token'] }, 400],
    [{ path: '/api/v1/other' }, 404],
  ];
  for (const [options, status] of refusals)
    await assert.rejects(connectLive(live.port, options), new RegExp(`Unexpected server response: ${status}`), JSON.stringify(options));
  const byCookie = await connectLive(live.port, { token: null, headers: { cookie: 'studio_session=token', origin: `http://127.0.0.1:${live.port}` } });
  assert.equal(byCookie.ws.protocol, 'studio.v1');
  const byToken = await connectLive(live.port);
  assert.equal(byToken.ws.protocol, 'studio.v1', 'the token is not echoed');
  await Promise.all([byCookie.close(), byToken.close()]);
});

test('a key without the scope to hear events stays out', async () => {
  live.callers.set('key', callerOf('user_key', { via: 'key', keyId: 'key_1', sessionId: null, scopes: ['files:read'] }));
  await assert.rejects(connectLive(live.port, { token: 'key' }), /403/);
});

test('an ended session closes its sockets with 4401, and only its own', async () => {
  live.callers.set('leaver', callerOf('user_leaver'));
  const leaver = await connectLive(live.port, { token: 'leaver' });
  const other = await connectLive(live.port);
  await Promise.all([leaver.subscribe(['system']), other.subscribe(['system'])]);
  live.callers.delete('leaver');
  await live.realtime.revise({ sessionId: 'sess_user_leaver' });
  assert.equal(await leaver.closed, 4401);
  await settled(other);
  await other.close();
});

test('the event that a session ended closes its sockets in every process that hears it', async () => {
  live.callers.set('far', callerOf('user_far'));
  const client = await connectLive(live.port, { token: 'far' });
  await client.subscribe(['system']);
  live.callers.delete('far');
  await commitEvents(db.database, [liveEvent('sess_user_far', 1, { kind: 'session', type: 'identity:session:ended' })]);
  assert.equal(await client.closed, 4401);
});

test('who changes organisation keeps the socket and loses the rooms', async () => {
  live.callers.set('mover', callerOf('user_mover'));
  const client = await connectLive(live.port, { token: 'mover' });
  await client.subscribe(['org:org_a', 'instance:inst_a', 'system']);
  live.callers.set('mover', callerOf('user_mover', { orgId: 'org_b' }));
  await live.realtime.revise({ userId: 'user_mover' });
  await commitEvents(db.database, [liveEvent('inst_a', 400)]);
  await settled(client);
  assert.deepEqual(
    client.events.map((event) => event.entity_kind),
    ['queue'],
  );
  assert.equal(client.frames.filter((frame) => frame.type === 'error' && frame.code === 'forbidden').length, 2);
  assert.deepEqual((await client.subscribe(['org:org_a', 'org:org_b'])).rooms, ['org:org_b']);
  await client.close();
});

test('events of a transaction that rolled back are never heard', async () => {
  const client = await connectLive(live.port);
  await client.subscribe(['instance:inst_a', 'system']);
  await assert.rejects(
    db.database.engine.transaction(async (sql) => {
      await writeEvents(sql, [liveEvent('inst_a', 500)]);
      throw new Error('no');
    }),
  );
  await settled(client);
  assert.deepEqual(
    client.events.map((event) => event.entity_kind),
    ['queue'],
  );
  await client.close();
});

test('when Studio stops, sockets are told with 1012', async () => {
  const own = await startLive({ database: db.database });
  const client = await connectLive(own.port);
  own.realtime.drain();
  assert.equal(await client.closed, 1012);
  await own.close();
});
