import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { createLive } from './live.ts';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { WebSocket as ServerSocket } from 'ws';
import type { ClientFrame, Envelope, ServerFrame } from '../src/contract/events.ts';
import type { Live, LiveParts } from './live.ts';

interface Hub {
  readonly port: number;
  readonly sockets: ServerSocket[];
  readonly frames: ClientFrame[];
  /** Resolves with the next frame of a type that a client sends. */
  next(type: ClientFrame['type']): Promise<ClientFrame>;
  tell(frame: ServerFrame): void;
}

async function hub(t: TestContext): Promise<Hub> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const sockets: ServerSocket[] = [];
  const frames: ClientFrame[] = [];
  const waiting: { type: string; resolve: (frame: ClientFrame) => void }[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('message', (bytes: Buffer) => {
      const frame = JSON.parse(bytes.toString()) as ClientFrame;
      frames.push(frame);
      const at = waiting.findIndex((one) => one.type === frame.type);
      if (at >= 0) waiting.splice(at, 1)[0]?.resolve(frame);
    });
  });
  t.after(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    frames,
    next: (type) => new Promise((resolve) => waiting.push({ type, resolve })),
    tell: (frame) => sockets.at(-1)?.send(JSON.stringify(frame)),
  };
}

const timing = { connectMs: 2_000, lossMs: 60_000, backoffMs: 5, maxBackoffMs: 20, pollMs: 10, pingMs: 20_000 };

function live(t: TestContext, port: number, parts: Partial<LiveParts> = {}): Live {
  const made = createLive({
    url: () => new URL(`ws://127.0.0.1:${port}/`),
    poll: () => Promise.reject(new Error('no twin in this test')),
    now: () => Date.now(),
    onSessionEnded: () => undefined,
    timing,
    ...parts,
  });
  t.after(() => made.stop());
  made.start();
  return made;
}

function event(id: string, room: string, cursor: string): Envelope {
  return {
    contract_version: 'v1',
    event_id: id,
    idempotency_key: id,
    sequence: 1,
    sequence_stream: room,
    emitted_at: '2026-01-01T00:00:00Z',
    event_type: 'engine:instance:completed',
    entity_kind: 'instance',
    entity_id: 'inst_1',
    room_keys: [room],
    runtime: 'studio',
    payload: {},
    request_id: null,
    correlation_id: null,
    cursor,
  };
}

test('a room is subscribed from the cursor of its snapshot and its events reach the listener', async (t) => {
  const server = await hub(t);
  const made = live(t, server.port);
  const subscribed = server.next('subscribe');
  const got = Promise.withResolvers<Envelope>();
  made.subscribe(['instance:inst_1'], { onEvent: got.resolve, onReset: () => undefined }, 'c1');
  const frame = await subscribed;
  assert.deepEqual(frame.type === 'subscribe' && [frame.rooms, frame.since], [['instance:inst_1'], { 'instance:inst_1': 'c1' }]);
  server.tell({ type: 'event', event: event('e1', 'instance:inst_1', 'c2') });
  assert.equal((await got.promise).event_id, 'e1');
});

test('after a lost socket the rooms go on from the last event seen, and a replayed event is not told twice', async (t) => {
  const server = await hub(t);
  const made = live(t, server.port);
  const first = server.next('subscribe');
  const told: string[] = [];
  const second = Promise.withResolvers<void>();
  made.subscribe(['org:o'], { onEvent: (one) => (told.push(one.event_id), one.event_id === 'e2' && second.resolve()), onReset: () => undefined }, 'c1');
  await first;
  server.tell({ type: 'event', event: event('e1', 'org:o', 'c2') });
  const again = server.next('subscribe');
  await waitFor(() => told.length === 1);
  server.sockets.at(-1)?.terminate();
  const frame = await again;
  assert.deepEqual(frame.type === 'subscribe' && frame.since, { 'org:o': 'c2' });
  server.tell({ type: 'event', event: event('e1', 'org:o', 'c2') });
  server.tell({ type: 'event', event: event('e2', 'org:o', 'c3') });
  await second.promise;
  assert.deepEqual(told, ['e1', 'e2']);
});

test('a reset is told to the listeners of its room alone', async (t) => {
  const server = await hub(t);
  const made = live(t, server.port);
  const ready = server.next('subscribe');
  const resets: string[] = [];
  made.subscribe(['org:a'], { onEvent: () => undefined, onReset: (room) => resets.push(`a:${room}`) }, 'c');
  made.subscribe(['org:b'], { onEvent: () => undefined, onReset: (room) => resets.push(`b:${room}`) }, 'c');
  await ready;
  server.tell({ type: 'reset', room: 'org:b' });
  await waitFor(() => resets.length > 0);
  assert.deepEqual(resets, ['b:org:b']);
});

test('an ended session is told once and nothing connects again', async (t) => {
  const server = await hub(t);
  const ended = Promise.withResolvers<void>();
  const made = live(t, server.port, { onSessionEnded: ended.resolve });
  await waitFor(() => made.state.value.kind === 'live');
  server.sockets.at(-1)?.close(4401);
  await ended.promise;
  assert.equal(made.state.value.kind, 'ended');
  made.wake();
  assert.equal(server.sockets.length, 1);
});

test('a loss that lasts brings the polling twin, and the socket takes over again when it is back', async (t) => {
  const server = await hub(t);
  const asked: (string | undefined)[] = [];
  let url = new URL(`ws://127.0.0.1:${server.port}/`);
  const told: string[] = [];
  const made = live(t, server.port, {
    url: () => url,
    timing: { ...timing, lossMs: 0 },
    poll: (_room, after) => {
      asked.push(after);
      return Promise.resolve({ items: after === 'c1' ? [event('e1', 'org:o', 'c2')] : [], cursor: 'c2', reset: false });
    },
  });
  const ready = server.next('subscribe');
  made.subscribe(['org:o'], { onEvent: (one) => told.push(one.event_id), onReset: () => undefined }, 'c1');
  await ready;
  url = new URL('ws://127.0.0.1:9/');
  server.sockets.at(-1)?.terminate();
  await waitFor(() => made.state.value.kind === 'polling');
  assert.deepEqual(told, ['e1']);
  assert.equal(asked[0], 'c1');
  const again = server.next('subscribe');
  url = new URL(`ws://127.0.0.1:${server.port}/`);
  const frame = await again;
  assert.deepEqual(frame.type === 'subscribe' && frame.since, { 'org:o': 'c2' });
  assert.equal(made.state.value.kind, 'live');
});

async function waitFor(claim: () => boolean): Promise<void> {
  const until = Date.now() + 10_000;
  while (!claim()) {
    if (Date.now() > until) throw new Error('the awaited did not happen within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
