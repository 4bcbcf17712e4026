/** Live updates on real sockets, for tests: one process's realtime behind a listener, and a client that remembers what it heard.
 *  Several on one database are several processes of Studio as far as events go. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { Caller } from '../contract/caller.ts';
import type { Envelope, ServerFrame } from '../contract/events.ts';
import { createUpgrade } from '../http/upgrade.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { createRealtime, type Realtime, type RealtimeParts } from '../realtime/realtime.ts';
import type { Database } from '../store/client.ts';
import { writeEvents, type NewEvent } from '../store/outbox.ts';
import { silentLog } from './database.ts';

export interface LiveServer {
  readonly realtime: Realtime;
  readonly port: number;
  /** Token → caller: who may come in. Deleting one ends that session. */
  readonly callers: Map<string, Caller>;
  /** Bytes that wait in each connection for its peer, largest first. */
  heldBytes(): number[];
  close(): Promise<void>;
}

export function callerOf(userId: string, more: Partial<Caller> = {}): Caller {
  return { userId, orgId: 'org_a', role: 'user', scopes: null, via: 'token', sessionId: `sess_${userId}`, keyId: null, ...more };
}

/** Of tests that look at events alone. */
const NO_LOGS: RealtimeParts['logs'] = {
  read: async () => ({ bytes: Buffer.alloc(0), size: 0 }),
  end: async () => ({ status: 'gone' }),
  onChange: () => () => undefined,
};

export async function startLive(
  options: { readonly database: Database; readonly clock?: Clock } & Partial<Pick<RealtimeParts, 'redis' | 'listen' | 'limits' | 'logs'>>,
): Promise<LiveServer> {
  const clock = options.clock ?? systemClock;
  const callers = new Map([['token', callerOf('user_1')]]);
  const realtime = createRealtime({ clock, log: silentLog, logs: NO_LOGS, ...options });
  const upgrade = createUpgrade({
    realtime,
    authenticate: async ({ value }) => callers.get(value) ?? null,
    isTrustedOrigin: (origin, host) => origin === `http://${host}`,
    config: { allowedHosts: [], proxy: null },
    isDraining: () => false,
    clock,
    log: silentLog,
  });
  const raw = new Set<Duplex>();
  const server = createServer((_request, response) => response.writeHead(404).end());
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    raw.add(socket);
    socket.once('close', () => raw.delete(socket));
    upgrade(request, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  realtime.start();
  return {
    realtime,
    port: (server.address() as AddressInfo).port,
    callers,
    heldBytes: () => [...raw].map((socket) => socket.writableLength).toSorted((a, b) => b - a),
    async close() {
      realtime.drain();
      realtime.stop();
      for (const socket of raw) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface LiveClient {
  readonly ws: WebSocket;
  readonly frames: ServerFrame[];
  readonly events: Envelope[];
  /** The code the server closed with. */
  readonly closed: Promise<number>;
  send(frame: unknown): void;
  /** Subscribes and waits for the answer. */
  subscribe(rooms: readonly string[], since?: Record<string, string>): Promise<Extract<ServerFrame, { type: 'subscribed' }>>;
  /** The first frame, come or to come, that `matches`. */
  frame<T extends ServerFrame>(matches: (frame: ServerFrame) => frame is T): Promise<T>;
  /** Resolves when this many events came. */
  heard(count: number): Promise<readonly Envelope[]>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly token?: string | null;
  readonly headers?: Record<string, string>;
  readonly protocols?: readonly string[];
  readonly path?: string;
}

/** @throws Error whose message holds the status when the door says no */
export async function connectLive(port: number, options: ConnectOptions = {}): Promise<LiveClient> {
  const token = options.token === undefined ? 'token' : options.token;
  const protocols = options.protocols ?? ['studio.v1', ...(token === null ? [] : [`Bearer.${token}`])];
  const ws = new WebSocket(`ws://127.0.0.1:${port}${options.path ?? '/api/v1/realtime'}`, [...protocols], {
    headers: options.headers ?? {},
    perMessageDeflate: false,
  });
  const frames: ServerFrame[] = [];
  const events: Envelope[] = [];
  const waiting = new Set<() => void>();
  const closed = new Promise<number>((resolve) => ws.on('close', (code) => resolve(code)));
  ws.on('message', (data) => {
    const frame = JSON.parse(String(data)) as ServerFrame;
    frames.push(frame);
    if (frame.type === 'event') events.push(frame.event);
    for (const look of [...waiting]) look();
  });
  await new Promise<void>((resolve, reject) => {
    ws.once('open', () => resolve());
    ws.once('error', reject);
  });
  ws.on('error', () => {});
  const until = <T>(find: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      void closed.then((code) => reject(new Error(`closed with ${code} while waiting`)));
      look();
    });
  let count = 0;
  return {
    ws,
    frames,
    events,
    closed,
    send: (frame) => ws.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    subscribe(rooms, since) {
      const id = `s${++count}`;
      ws.send(JSON.stringify({ type: 'subscribe', id, rooms, ...(since === undefined ? {} : { since }) }));
      return until(() => frames.find((frame): frame is Extract<ServerFrame, { type: 'subscribed' }> => frame.type === 'subscribed' && frame.id === id));
    },
    frame: (matches) => until(() => frames.find(matches)),
    heard: (wanted) => until(() => (events.length >= wanted ? events : undefined)),
    async close() {
      ws.terminate();
      await closed;
    },
  };
}

/** An event of the org's instance stream. */
export function liveEvent(id: string, sequence: number, more: Partial<NewEvent> = {}): NewEvent {
  return { kind: 'instance', id, sequence, type: 'engine:step:completed', orgId: 'org_a', parent: 'workflow:wf_a', payload: { n: sequence }, ...more };
}

/** Commits events and says so, as a command does. */
export async function commitEvents(database: Database, events: readonly NewEvent[]): Promise<void> {
  await database.engine.transaction((sql) => writeEvents(sql, events));
  database.announce();
}

/** Orgs, a workflow and an instance, so that there are rooms to hear. */
export async function seedRooms(database: Database): Promise<void> {
  for (const org of ['org_a', 'org_b']) {
    const name = org.slice(-1);
    await database.engine.query(`insert into orgs (id, name) values ($1, $1)`, [org]);
    await database.engine.query(`insert into workflows (id, org_id, name, version) values ($1, $2, 'w', 1)`, [`wf_${name}`, org]);
    await database.engine.query(
      `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ($1, 1, $2, '{}', '', 0)`,
      [`wf_${name}`, org],
    );
    await database.engine.query(
      `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq) values ($1, $2, $3, 1, 'running', 'null', 50, 'manual', 0)`,
      [`inst_${name}`, org, `wf_${name}`],
    );
  }
}
