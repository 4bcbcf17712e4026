import { deepEqual, equal, match } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocketServer, type WebSocket as ServerSocket } from 'ws';
import type { ClientFrame, ServerFrame } from '../../src/contract/events.ts';
import { createLive } from '../live.ts';
import { shownLines } from './log-lines.ts';
import { createLogStream, type LogStream } from './log-stream.ts';

// A tab that is hidden draws no frames: what it shows follows by a timer.
Object.assign(globalThis, { document: { visibilityState: 'hidden' } });

const ROOM = 'job_log:job_1';

interface Server {
  readonly stream: LogStream;
  readonly sockets: ServerSocket[];
  readonly subscribed: Extract<ClientFrame, { type: 'subscribe' }>[];
  readonly requests: string[];
  tell(frame: ServerFrame): void;
}

interface ServerParts {
  /** What the room is answered with. Default: granted. */
  readonly isDenied?: boolean;
  /** False: nothing answers an upgrade. */
  readonly hasSocket?: boolean;
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => void;
}

async function serve(t: TestContext, { isDenied = false, hasSocket = true, answer }: ServerParts = {}): Promise<Server> {
  const http = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer?.(request, response);
  });
  const server = new WebSocketServer({ noServer: true });
  const sockets: ServerSocket[] = [];
  const subscribed: Extract<ClientFrame, { type: 'subscribe' }>[] = [];
  const requests: string[] = [];
  http.on('upgrade', (request, socket, head) =>
    hasSocket ? server.handleUpgrade(request, socket, head, (ws) => server.emit('connection', ws)) : socket.destroy(),
  );
  server.on('connection', (socket: ServerSocket) => {
    sockets.push(socket);
    socket.on('message', (bytes: Buffer) => {
      const frame = JSON.parse(bytes.toString()) as ClientFrame;
      if (frame.type !== 'subscribe') return;
      subscribed.push(frame);
      const [rooms, denied] = isDenied ? [[], frame.rooms] : [frame.rooms, []];
      socket.send(JSON.stringify({ type: 'subscribed', id: frame.id, rooms, denied, cursor: 'c' } satisfies ServerFrame));
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const live = createLive({
    url: () => new URL(`ws://127.0.0.1:${port}/`),
    poll: async () => ({ items: [], cursor: 'c', reset: false }),
    now: () => Date.now(),
    onSessionEnded: () => undefined,
    timing: { lossMs: 60_000, backoffMs: 5, maxBackoffMs: 20 },
  });
  const stream = createLogStream({ urlFrom: (from) => new URL(`http://127.0.0.1:${port}/log?from=${from}`), socket: { live, log: 'job_1' } });
  live.start();
  stream.start();
  t.after(() => {
    stream.close();
    live.stop();
    for (const socket of sockets) socket.terminate();
    http.close();
    http.closeAllConnections();
  });
  return { stream, sockets, subscribed, requests, tell: (frame) => sockets.at(-1)?.send(JSON.stringify(frame)) };
}

const log = (from: number, text: string): ServerFrame => ({ type: 'log', room: ROOM, from, to: from + Buffer.byteLength(text), text });
const linesOf = ({ stream }: Server): readonly string[] => shownLines(stream.log.value);

test('a log comes over the socket, and goes on from its byte after a lost one', async (t) => {
  const server = await serve(t);
  await until(() => server.subscribed.length === 1);
  deepEqual(server.subscribed[0]?.since, { [ROOM]: '0' });
  server.tell(log(0, 'é one\n'));
  await until(() => linesOf(server).length === 1);
  server.sockets.at(-1)?.terminate();
  await until(() => server.subscribed.length === 2);
  deepEqual(server.subscribed[1]?.since, { [ROOM]: '7' });
  // What it has already is not shown twice.
  server.tell(log(0, 'é one\n'));
  server.tell(log(7, 'two'));
  server.tell({ type: 'log_end', room: ROOM, at: 10, status: 'completed', exitCode: 0 });
  await until(() => server.stream.done.value && linesOf(server).length === 2);
  deepEqual(linesOf(server), ['é one', 'two']);
  deepEqual(server.requests, []);
});

test('what was left out stands as a line, and is counted', async (t) => {
  const server = await serve(t);
  await until(() => server.subscribed.length === 1);
  server.tell(log(0, 'one\n'));
  server.tell({ type: 'log_gap', room: ROOM, from: 4, to: 3_000_004 });
  server.tell(log(3_000_004, 'last\n'));
  await until(() => linesOf(server).includes('last'));
  match(linesOf(server).join('|'), /^one\|\|… [\d.]+\s\w+ left out: .*\|last$/);
  equal(server.stream.leftOut.value, 3_000_000);
});

test('a log that the socket does not give is followed by a request', async (t) => {
  const server = await serve(t, { isDenied: true, answer: (_request, response) => response.end('by request\n') });
  await until(() => server.stream.done.value && linesOf(server).length === 1);
  deepEqual([linesOf(server), server.requests], [['by request'], ['/log?from=0']]);
});

test('where no socket can be had the request stands in, and the socket takes over from its byte when the request breaks', async (t) => {
  const refused = await serve(t, { hasSocket: false, answer: (_request, response) => response.end('whole\n') });
  await until(() => refused.stream.done.value);
  const server = await serve(t, {
    isDenied: true,
    answer(_request, response) {
      response.write('half\n');
      setTimeout(() => response.destroy(), 50);
    },
  });
  await until(() => server.requests.length === 2);
  equal(server.requests[1], '/log?from=5');
  match(String(server.subscribed.at(-1)?.since?.[ROOM]), /^5$/);
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not come to that within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
