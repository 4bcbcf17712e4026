/** What CONTRACTS (Events) says of the page's connection, line by line: over a real socket, by a clock that the test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { comesTo, heardEvent, socketHub } from '../src/test/socket-hub.ts';
import type { SocketHub } from '../src/test/socket-hub.ts';
import { createLive } from './live.ts';
import type { Live, LiveParts } from './live.ts';

const CONNECT_MS = 8_000;
const LOSS_MS = 10_000;
const RETRY_MS = 300;
const timing = { connectMs: CONNECT_MS, lossMs: LOSS_MS, backoffMs: 100, maxBackoffMs: 200, pollMs: 3_000, pingMs: 20_000, doubtMs: 5_000 };
/** Nothing listens there. */
const NOWHERE = new URL('ws://127.0.0.1:9/');

interface Bench {
  readonly live: Live;
  readonly told: string[];
  readonly polled: (string | undefined)[];
  /** Where the socket is looked for. */
  url: URL;
  pass(ms: number): void;
  /** What the page heard, and how often it was told to begin anew. */
  listen(room: string, since?: string): () => void;
  comesTo(kind: Live['state']['value']['kind']): Promise<void>;
  /** Takes the socket away, and brings the page to notice. */
  cut(hub: SocketHub): Promise<void>;
}

/** Two events are there for whoever polls from `c1`. */
function bench(t: TestContext, url: URL, parts: Partial<LiveParts> = {}): Bench {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  const told: string[] = [];
  const polled: (string | undefined)[] = [];
  const live = createLive({
    url: () => made.url,
    poll: async ({ room, after }) => {
      polled.push(after);
      return {
        items: after === 'c1' ? [heardEvent('e1', room, 'c2'), heardEvent('e2', room, 'c3')] : [],
        cursor: after === 'c1' ? 'c3' : (after ?? 'c1'),
        reset: false,
      };
    },
    now: () => Date.now(),
    onSessionEnded: () => told.push('ended'),
    timing,
    ...parts,
  });
  const made: Bench = {
    live,
    told,
    polled,
    url,
    pass: (ms) => t.mock.timers.tick(ms),
    listen: (room, since) => live.subscribe([room], { onEvent: (event) => told.push(event.event_id), onReset: (name) => told.push(`reset ${name}`) }, since),
    comesTo: (kind) => comesTo(() => live.state.value.kind === kind, `the connection is ${kind}`),
    async cut(hub) {
      made.url = NOWHERE;
      hub.sockets.at(-1)?.terminate();
      await made.comesTo('lost');
    },
  };
  t.after(() => live.stop());
  live.start();
  return made;
}

/** A page that listens to `org:o` from `c1`, over a socket. */
async function listening(t: TestContext, parts: Partial<LiveParts> = {}): Promise<{ readonly hub: SocketHub; readonly page: Bench }> {
  const hub = await socketHub(t);
  const page = bench(t, hub.url, parts);
  page.listen('org:o', 'c1');
  await page.comesTo('live');
  return { hub, page };
}

const told = (page: Bench, count: number): Promise<void> => comesTo(() => page.told.length === count, `${count} things are told`);

test('a room is heard from the cursor of its snapshot, and counts as live once the server said so', async (t) => {
  const hub = await socketHub(t);
  hub.isMute = true;
  const page = bench(t, hub.url);
  page.listen('instance:inst_1', 'c1');
  await comesTo(() => hub.asked().length === 1, 'the room is asked for');
  assert.equal(page.live.state.value.kind, 'connecting');
  const [frame] = hub.frames;
  assert.deepEqual(frame?.type === 'subscribe' && [frame.rooms, frame.since], [['instance:inst_1'], { 'instance:inst_1': 'c1' }]);
  hub.tell({ type: 'subscribed', id: frame?.type === 'subscribe' ? frame.id : '', rooms: ['instance:inst_1'], denied: [], cursor: 'c1' });
  hub.tell({ type: 'event', event: heardEvent('e1', 'instance:inst_1', 'c2') });
  await told(page, 1);
  assert.deepEqual([page.live.state.value.kind, page.told, page.polled], ['live', ['e1'], []]);
});

test('the polling twin stands in after a connect that was given its time, and not before', async (t) => {
  const hub = await socketHub(t);
  hub.isMute = true;
  const page = bench(t, hub.url);
  page.listen('org:o', 'c1');
  await comesTo(() => hub.frames.length > 0, 'the socket is open');
  page.pass(CONNECT_MS - 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([page.live.state.value.kind, page.polled], ['connecting', []]);
  page.pass(1);
  await page.comesTo('polling');
  assert.deepEqual(page.told, ['e1', 'e2']);
});

test('a short loss is shown with the age of what is seen, and brings no polling', async (t) => {
  const { hub, page } = await listening(t);
  const heardAt = Date.now();
  page.pass(4_000);
  await page.cut(hub);
  assert.deepEqual(page.live.state.value, { kind: 'lost', since: heardAt });
  page.url = hub.url;
  page.pass(RETRY_MS);
  await page.comesTo('live');
  assert.deepEqual([page.polled, hub.asked()], [[], [{ 'org:o': 'c1' }, { 'org:o': 'c1' }]]);
});

test('a loss that lasts brings the twin; the socket takes over again from where it came, and nothing is missing or doubled', async (t) => {
  const { hub, page } = await listening(t);
  hub.tell({ type: 'event', event: heardEvent('e0', 'org:o', 'c1') });
  await told(page, 1);
  await page.cut(hub);
  page.pass(LOSS_MS - 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([page.live.state.value.kind, page.polled], ['lost', []]);
  page.pass(1);
  await page.comesTo('polling');
  assert.deepEqual([page.told, page.polled[0]], [['e0', 'e1', 'e2'], 'c1']);
  page.url = hub.url;
  page.pass(RETRY_MS);
  await page.comesTo('live');
  assert.deepEqual(hub.asked().at(-1), { 'org:o': 'c3' });
  for (const [id, cursor] of [
    ['e2', 'c3'],
    ['e3', 'c4'],
  ] as const)
    hub.tell({ type: 'event', event: heardEvent(id, 'org:o', cursor) });
  await told(page, 4);
  assert.deepEqual(page.told, ['e0', 'e1', 'e2', 'e3']);
  const asked = page.polled.length;
  page.pass(10 * timing.pollMs);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(page.polled.length, asked);
});

test('where the twin does not answer either, the page says since when it knows nothing new', async (t) => {
  const { hub, page } = await listening(t, { poll: () => Promise.reject(new Error('no answer')) });
  const heardAt = Date.now();
  await page.cut(hub);
  page.pass(LOSS_MS + 2 * timing.pollMs);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(page.live.state.value, { kind: 'lost', since: heardAt });
});

test('a line that died without a word is found by its silence, and the age counts from the last word', async (t) => {
  const { hub, page } = await listening(t);
  const heardAt = Date.now();
  hub.isMute = true;
  page.pass(timing.pingMs);
  assert.equal(page.live.state.value.kind, 'live');
  page.pass(timing.pingMs);
  assert.deepEqual(page.live.state.value, { kind: 'lost', since: heardAt });
});

test('who comes back to the page, or loses the network, does not wait for the silence', async (t) => {
  const { hub, page } = await listening(t);
  page.pass(1_000);
  const pings = (): number => hub.frames.filter(({ type }) => type === 'ping').length;
  const before = pings();
  page.live.wake();
  await comesTo(() => pings() === before + 1, 'the line is tried');
  hub.isMute = true;
  page.pass(1_000);
  page.live.wake();
  page.pass(timing.doubtMs);
  assert.equal(page.live.state.value.kind, 'lost');
});

test('a server that is full, or closes what it opened, does not make the page flicker: it polls until there is room', async (t) => {
  const hub = await socketHub(t);
  hub.greet = (socket) => socket.close(4429, 'too many connections');
  const page = bench(t, hub.url);
  const seen = new Set<string>();
  t.after(page.live.state.subscribe(({ kind }) => void seen.add(kind)));
  page.listen('org:o', 'c1');
  await page.comesTo('polling');
  page.pass(RETRY_MS);
  await comesTo(() => hub.sockets.length === 2, 'it is tried again');
  assert.deepEqual([...seen], ['connecting', 'polling']);
  hub.greet = () => undefined;
  page.pass(10_000);
  await comesTo(() => (page.pass(RETRY_MS), page.live.state.value.kind === 'live'), 'there is room');
});

test('rooms that can’t be looked up now are asked for on another socket', async (t) => {
  const hub = await socketHub(t);
  hub.isMute = true;
  hub.greet = (socket) => socket.send(JSON.stringify({ type: 'error', code: 'database_unavailable' }));
  const page = bench(t, hub.url);
  page.listen('org:o', 'c1');
  await comesTo(() => hub.sockets[0]?.readyState === WebSocket.CLOSED, 'the first socket is given up');
  assert.equal(page.live.state.value.kind, 'connecting');
  hub.isMute = false;
  hub.greet = () => undefined;
  page.pass(RETRY_MS);
  await page.comesTo('live');
});

test('a room that is refused or taken away is told to its listeners once, and the others go on', async (t) => {
  const hub = await socketHub(t);
  hub.denied.add('instance:gone');
  const page = bench(t, hub.url);
  page.listen('instance:gone', 'c1');
  page.listen('org:o', 'c1');
  await page.comesTo('live');
  page.listen('instance:gone', 'c1');
  hub.tell({ type: 'error', code: 'forbidden', room: 'org:o' });
  await comesTo(() => page.told.includes('reset org:o'), 'the right that ended is told');
  assert.deepEqual(page.told, ['reset instance:gone', 'reset org:o']);
});

test('the twin tells of a room that is gone and reads the others', async (t) => {
  const gone = Object.assign(new Error('not there'), { status: 404 });
  const items = [heardEvent('e1', 'org:o', 'c2')];
  const { hub, page } = await listening(t, {
    poll: ({ room }) => (room === 'org:o' ? Promise.resolve({ items, cursor: 'c2', reset: false }) : Promise.reject(gone)),
  });
  const leave = page.listen('instance:gone', 'c1');
  t.after(leave);
  await page.cut(hub);
  page.pass(LOSS_MS);
  await page.comesTo('polling');
  assert.deepEqual(page.told.toSorted(), ['e1', 'reset instance:gone']);
});

test('listeners of one room that stand at different places are each brought what they miss', async (t) => {
  const { hub, page } = await listening(t);
  hub.tell({ type: 'event', event: heardEvent('e5', 'org:o', 'c5') });
  await told(page, 1);
  hub.isMute = true;
  page.listen('org:o', 'c2');
  await comesTo(() => hub.asked().length === 2, 'the second listener asks');
  // Live, while the second still waits for what came before.
  hub.tell({ type: 'event', event: heardEvent('e6', 'org:o', 'c6') });
  await told(page, 3);
  await page.cut(hub);
  hub.isMute = false;
  page.url = hub.url;
  page.pass(RETRY_MS);
  await page.comesTo('live');
  assert.deepEqual(hub.asked().slice(2), [{ 'org:o': 'c6' }, { 'org:o': 'c2' }]);
});

test('a reset is told to the listeners of its room alone', async (t) => {
  const { hub, page } = await listening(t);
  page.listen('org:b', 'c1');
  hub.tell({ type: 'reset', room: 'org:b' });
  await told(page, 1);
  assert.deepEqual(page.told, ['reset org:b']);
});

test('an ended session is told once, and nothing connects again', async (t) => {
  const { hub, page } = await listening(t);
  hub.sockets.at(-1)?.close(4401);
  await page.comesTo('ended');
  page.live.wake();
  page.pass(60_000);
  assert.deepEqual([page.told, hub.sockets.length, page.polled], [['ended'], 1, []]);
});
