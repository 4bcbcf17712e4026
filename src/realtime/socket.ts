/** One WebSocket: frames in, events and logs out, pings, and the end of it. Rights are settled before (http/upgrade.ts); rooms are the hub's, what
 *  streams in those of logs comes from log-rooms.ts.
 *  `ws` alone holds without limit what a peer does not read: every send is counted here, and the hub stops at the limit. */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Caller } from '../contract/caller.ts';
import { clientFrame, type ClientFrame, type ServerFrame } from '../contract/events.ts';
import type { Clock } from '../kernel/clock.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { LOW_HELD_BYTES, type Ear } from './ear.ts';
import type { Hub } from './hub.ts';
import { createLogRooms, isLogRoom, type LogSource } from './log-rooms.ts';

/** Source: CONTRACTS (Events); 1008 is RFC 6455's policy violation. */
export const CLOSE = { sessionEnded: 4401, silent: 4408, tooLarge: 4413, limit: 4429, garbage: 1008, restart: 1012 } as const;

/** Proxies drop sockets that are idle for 30 to 100 s. */
export const PING_EVERY_MS = 20_000;
/** Two pings unanswered, and a little for the way. */
const SILENT_AFTER_MS = 45_000;
/** A peer that does not answer the close is cut off: what is held for it must not outlive it. */
export const CLOSE_GRACE_MS = 2_000;
const MAX_GARBAGE = 5;
/** Logs that one socket follows: a page shows one or two. */
const MAX_LOGS = 16;
/** Frames a client may send in a burst, and per second after it: a page sends one a second at most. */
const BURST = 200;
const PER_SECOND = 50;

export interface SocketParts {
  readonly ws: WebSocket;
  /** The connection under it. */
  readonly raw: Duplex;
  readonly hub: Hub;
  readonly logs: LogSource;
  readonly caller: Caller;
  readonly again: () => Promise<Caller | null>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once, when the socket is gone. */
  readonly onGone: () => void;
}

export interface OpenSocket {
  close(code: number, reason: string): void;
}

export function openSocket(parts: SocketParts): OpenSocket {
  const { ws, clock, log } = parts;
  let heldBytes = 0;
  let isGathering = false;
  let garbage = 0;
  let lastHeardMs = clock.monotonic();
  let budget = { frames: BURST, atMs: lastHeardMs };
  let waiters: (() => void)[] = [];
  let cancelPing = (): void => {};
  let cancelCut = (): void => {};

  /** All that is sent in one turn goes out in one write. */
  const gather = (): void => {
    if (isGathering) return;
    isGathering = true;
    parts.raw.cork();
    process.nextTick(() => {
      isGathering = false;
      parts.raw.uncork();
    });
  };
  const send = (bytes: Buffer): void => {
    if (ws.readyState !== ws.OPEN) return;
    gather();
    heldBytes += bytes.length;
    ws.send(bytes, { binary: false }, () => {
      heldBytes -= bytes.length;
      if (heldBytes > LOW_HELD_BYTES || waiters.length === 0) return;
      const due = waiters;
      waiters = [];
      for (const resolve of due) resolve();
    });
  };
  const say = (frame: ServerFrame): void => send(Buffer.from(JSON.stringify(frame)));
  const refuse = (code: string, message: string): void => say({ type: 'error', code, message });

  const close = (code: number, reason: string): void => {
    // Before close: `ws` sends nothing after it.
    ws.close(code, reason);
    cancelCut = clock.after(CLOSE_GRACE_MS, () => ws.terminate());
  };

  const ear: Ear = {
    event: (broadcast) => send(broadcast.frame),
    // A log goes on from its byte, whatever became of events.
    reset: (room) => void (isLogRoom(room) || say({ type: 'reset', room })),
    denied: (room) => {
      logs.close(room);
      say({ type: 'error', code: 'forbidden', message: `The right to hear "${room}" ended.`, room });
    },
    ended: () => close(CLOSE.sessionEnded, 'session ended'),
    get heldBytes() {
      return heldBytes;
    },
    drained: () => (heldBytes <= LOW_HELD_BYTES ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    again: parts.again,
  };
  const membership = parts.hub.join(ear, parts.caller);
  const logs = createLogRooms({ source: parts.logs, orgId: parts.caller.orgId, say, drained: () => ear.drained(), clock, log });

  const receive = (data: unknown, isBinary: boolean): void => {
    lastHeardMs = clock.monotonic();
    if (!takeFrame()) return close(CLOSE.limit, 'too many frames');
    const frame = isBinary ? undefined : readFrame(data);
    if (frame !== undefined) return act(frame);
    refuse('invalid_frame', 'A frame is JSON text: {type:"subscribe",id,rooms,since?}, {type:"unsubscribe",id,rooms} or {type:"ping"}.');
    if (++garbage >= MAX_GARBAGE) close(CLOSE.garbage, 'too many frames that are none');
  };

  /** A token bucket. */
  const takeFrame = (): boolean => {
    const frames = Math.min(BURST, budget.frames + ((lastHeardMs - budget.atMs) / 1_000) * PER_SECOND) - 1;
    budget = { frames, atMs: lastHeardMs };
    return frames >= 0;
  };

  const act = (frame: ClientFrame): void => {
    if (frame.type === 'ping') return say({ type: 'pong' });
    if (frame.type === 'unsubscribe') {
      frame.rooms.forEach(logs.close);
      return membership.unsubscribe(frame.rooms);
    }
    const { id, rooms } = frame;
    const { cursors, offsets } = apart(frame.since ?? {});
    const confirm = (answer: { readonly rooms: readonly string[]; readonly denied: readonly string[]; readonly cursor: string }): void => {
      say({ type: 'subscribed', id, rooms: [...answer.rooms], denied: [...answer.denied], cursor: answer.cursor });
      for (const room of answer.rooms) if (isLogRoom(room)) logs.open(room, offsets.get(room) ?? 0);
    };
    Promise.try(() => {
      refuseLogs(rooms, offsets);
      return membership.subscribe({ rooms, confirm, since: cursors });
    }).catch((error: unknown) => {
      if (error instanceof AppError) return refuse(error.code, error.message);
      // The database is away: the client tries again when it likes.
      log.warn({ cause: messageOf(error) }, 'a subscription failed');
      refuse('database_unavailable', 'The rooms could not be checked; subscribe again in a moment.');
    });
  };

  /** @throws AppError invalid_query, rate_limited */
  const refuseLogs = (rooms: readonly string[], offsets: ReadonlyMap<string, number>): void => {
    for (const [room, offset] of offsets)
      if (!Number.isSafeInteger(offset)) fail('invalid_query', `"since" of "${room}" is no byte of a log; it is a whole number from 0 on.`);
    if (logs.size + rooms.filter(isLogRoom).length > MAX_LOGS) fail('rate_limited', `A connection follows at most ${MAX_LOGS} logs; unsubscribe from some.`);
  };

  const beat = (): void => {
    if (clock.monotonic() - lastHeardMs > SILENT_AFTER_MS) return close(CLOSE.silent, 'silent');
    ws.ping();
    cancelPing = clock.after(PING_EVERY_MS, beat);
  };

  ws.on('message', receive);
  ws.on('pong', () => (lastHeardMs = clock.monotonic()));
  ws.on('ping', () => (lastHeardMs = clock.monotonic()));
  // A frame that breaks the protocol or the limit; `ws` closes by itself.
  ws.on('error', (error) => log.debug({ cause: error.message }, 'a socket failed'));
  ws.on('close', () => {
    cancelPing();
    cancelCut();
    logs.closeAll();
    membership.leave();
    parts.onGone();
  });
  cancelPing = clock.after(PING_EVERY_MS, beat);
  return { close };
}

/** Cursors of events and offsets into logs: `since` holds both. */
function apart(since: Readonly<Record<string, string>>): { readonly cursors: Record<string, string>; readonly offsets: ReadonlyMap<string, number> } {
  const entries = Object.entries(since);
  return {
    cursors: Object.fromEntries(entries.filter(([room]) => !isLogRoom(room))),
    offsets: new Map(entries.filter(([room]) => isLogRoom(room)).map(([room, text]) => [room, /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN])),
  };
}

function readFrame(data: unknown): ClientFrame | undefined {
  try {
    const parsed = clientFrame.safeParse(JSON.parse(String(data)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
