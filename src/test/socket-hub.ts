/** The other end of the page's live socket, for tests of the page alone: answers as Studio does, and keeps silent, refuses or hangs up when told to. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ClientFrame, Envelope, ServerFrame } from '../contract/events.ts';

export interface SocketHub {
  readonly url: URL;
  readonly sockets: WebSocket[];
  /** Of all sockets, in their order. */
  readonly frames: ClientFrame[];
  /** What a socket is told when it opens; default nothing. */
  greet: (socket: WebSocket) => void;
  /** Rooms that nobody may hear. */
  readonly denied: Set<string>;
  /** No frame is answered. */
  isMute: boolean;
  /** Says something on the newest socket. */
  tell(frame: ServerFrame): void;
  /** What was asked for so far: the places by room, one a frame. */
  asked(): readonly Readonly<Record<string, string>>[];
}

export async function socketHub(t: TestContext): Promise<SocketHub> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const sockets: WebSocket[] = [];
  const frames: ClientFrame[] = [];
  const say = (socket: WebSocket | undefined, frame: ServerFrame): void => socket?.send(JSON.stringify(frame));
  const hub: SocketHub = {
    url: new URL(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    sockets,
    frames,
    greet: () => undefined,
    denied: new Set(),
    isMute: false,
    tell: (frame) => say(sockets.at(-1), frame),
    asked: () => frames.flatMap((frame) => (frame.type === 'subscribe' ? [frame.since ?? {}] : [])),
  };
  server.on('connection', (socket) => {
    sockets.push(socket);
    hub.greet(socket);
    socket.on('message', (bytes: Buffer) => {
      const frame = JSON.parse(bytes.toString()) as ClientFrame;
      frames.push(frame);
      if (hub.isMute) return;
      if (frame.type === 'ping') say(socket, { type: 'pong' });
      if (frame.type !== 'subscribe') return;
      const denied = frame.rooms.filter((room) => hub.denied.has(room));
      say(socket, { type: 'subscribed', id: frame.id, rooms: frame.rooms.filter((room) => !denied.includes(room)), denied, cursor: 'now' });
    });
  });
  t.after(() => {
    for (const socket of sockets) socket.terminate();
    server.close();
  });
  return hub;
}

/** An event as a page hears it. */
export function heardEvent(id: string, room: string, cursor: string): Envelope {
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

/** Waits in real time, also while the clock of a test stands still. @throws Error when it does not come to that */
export async function comesTo(claim: () => boolean, what: string): Promise<void> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline;) {
    if (claim()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it did not come to that: ${what}`);
}
