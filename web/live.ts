/** Live events: one socket for the whole page, resumed by cursor; its polling twin while no socket can be had.
 *  Falls back only after a connect that was given its time, or a loss that lasted; says so in `state`; returns to the socket.
 *  Events go to listeners only: nothing here knows what they mean. */
import { signal } from '@preact/signals';
import { createRooms } from './live-rooms.ts';
import type { ReadonlySignal } from '@preact/signals';
import type { ClientFrame, Envelope, ServerFrame } from '../src/contract/events.ts';
import type { RoomListener } from './live-rooms.ts';

/** `connecting`: never had a socket yet; `live`: socket ready; `polling`: the twin stands in; `lost`: neither answers; `ended`: the session is over. */
export interface LiveState {
  readonly kind: 'connecting' | 'live' | 'polling' | 'lost' | 'ended';
  /** Since when, ms of the epoch. */
  readonly since: number;
}

export interface LiveParts {
  /** The socket's URL, `ws:` or `wss:`. */
  readonly url: () => URL;
  readonly poll: (room: string, after: string | undefined, signal: AbortSignal) => Promise<{ items: Envelope[]; cursor: string; reset: boolean }>;
  readonly now: () => number;
  /** The server ended the session (close code 4401). */
  readonly onSessionEnded: () => void;
  readonly timing?: Partial<LiveTiming>;
}

interface LiveTiming {
  /** A socket not open by then is given up: slow proxies answer an upgrade within 2 s. */
  readonly connectMs: number;
  /** A loss shorter than this is no reason to poll: a restart of Studio takes about a second. */
  readonly lossMs: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly pollMs: number;
  /** A ping each; the server answers, so silence for two of them means a dead line. */
  readonly pingMs: number;
}

export interface Live {
  readonly state: ReadonlySignal<LiveState>;
  start(): void;
  stop(): void;
  /** Tries the socket now (the browser came back online, the tab came to the front). */
  wake(): void;
  /** Listens to rooms. `since` is the cursor of the snapshot that the listener shows. @returns leave */
  subscribe(rooms: readonly string[], listener: RoomListener, since?: string): () => void;
}

const defaults: LiveTiming = { connectMs: 8_000, lossMs: 10_000, backoffMs: 500, maxBackoffMs: 15_000, pollMs: 3_000, pingMs: 20_000 };
const SESSION_ENDED = 4401;

export function createLive(parts: LiveParts): Live {
  const timing = { ...defaults, ...parts.timing };
  const rooms = createRooms();
  const state = signal<LiveState>({ kind: 'connecting', since: parts.now() });
  let socket: WebSocket | undefined;
  let running = false;
  let failures = 0;
  let frameId = 0;
  let lostAt: number | undefined;
  let lastFrameAt = 0;
  let polling: AbortController | undefined;
  const timers = new Map<string, ReturnType<typeof setTimeout>>();

  const later = (name: string, delayMs: number, run: () => void): void => {
    clearTimeout(timers.get(name));
    timers.set(name, setTimeout(run, delayMs));
  };
  const forget = (name: string): void => clearTimeout(timers.get(name));
  const become = (kind: LiveState['kind']): void => {
    if (state.value.kind !== kind) state.value = { kind, since: parts.now() };
  };
  const send = (frame: ClientFrame): void => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
  };
  const subscribeNow = (names: readonly string[]): void => {
    // The frame carries at most 100 rooms.
    for (let at = 0; at < names.length; at += 100) {
      const part = names.slice(at, at + 100);
      frameId += 1;
      send({ type: 'subscribe', id: `s${frameId}`, rooms: part, since: rooms.cursors(part) });
    }
  };

  const connect = (): void => {
    if (!running || socket !== undefined) return;
    forget('retry');
    const opening = new WebSocket(parts.url(), 'studio.v1');
    socket = opening;
    later('connect', timing.connectMs, () => {
      if (opening.readyState === WebSocket.OPEN) return;
      opening.close();
      lose(opening, 1006, true);
    });
    opening.addEventListener('open', () => ready(opening));
    opening.addEventListener('message', (message: MessageEvent) => {
      if (socket === opening) receive(message.data);
    });
    opening.addEventListener('close', (event: CloseEvent) => lose(opening, event.code, false));
  };

  const ready = (opened: WebSocket): void => {
    if (socket !== opened) return;
    forget('connect');
    failures = 0;
    lostAt = undefined;
    lastFrameAt = parts.now();
    polling?.abort();
    polling = undefined;
    become('live');
    subscribeNow(rooms.names());
    beat(opened);
  };

  const beat = (opened: WebSocket): void => {
    later('beat', timing.pingMs, () => {
      if (socket !== opened) return;
      if (parts.now() - lastFrameAt > 2 * timing.pingMs) {
        opened.close();
        lose(opened, 1006, false);
        return;
      }
      send({ type: 'ping' });
      beat(opened);
    });
  };

  const lose = (closed: WebSocket, code: number, timedOut: boolean): void => {
    if (socket !== closed) return;
    socket = undefined;
    forget('beat');
    forget('connect');
    if (!running) return;
    if (code === SESSION_ENDED) {
      running = false;
      polling?.abort();
      become('ended');
      parts.onSessionEnded();
      return;
    }
    failures += 1;
    lostAt ??= parts.now();
    if (state.value.kind === 'live') become('lost');
    if (timedOut || parts.now() - lostAt >= timing.lossMs) startPolling();
    const ceiling = Math.min(timing.maxBackoffMs, timing.backoffMs * 2 ** Math.min(failures, 10));
    later('retry', timing.backoffMs / 2 + Math.random() * ceiling, connect);
  };

  const receive = (text: unknown): void => {
    lastFrameAt = parts.now();
    const frame = parseFrame(text);
    if (frame === undefined) return;
    if (frame.type === 'event') rooms.deliver(frame.event);
    else if (frame.type === 'reset') resetRoom(frame.room);
    else if (frame.type === 'subscribed') rooms.begin(frame.rooms, frame.cursor);
  };

  const resetRoom = (room: string): void => rooms.reset(room);

  const startPolling = (): void => {
    if (polling !== undefined) return;
    polling = new AbortController();
    void pollLoop(polling.signal);
  };

  const pollLoop = async (stop: AbortSignal): Promise<void> => {
    while (!stop.aborted && running) {
      try {
        // Serial: a browser has six connections to a host, and calls must not wait behind polls.
        for (const room of rooms.names()) await pollRoom(room, stop);
        if (!stop.aborted && rooms.names().length > 0) become('polling');
      } catch {
        if (!stop.aborted) become('lost');
      }
      await sleep(timing.pollMs, stop);
    }
  };

  const pollRoom = async (room: string, stop: AbortSignal): Promise<void> => {
    const answer = await parts.poll(room, rooms.cursors([room])[room], stop);
    if (stop.aborted) return;
    for (const event of answer.items) rooms.deliver(event);
    if (answer.reset) rooms.reset(room);
    rooms.advance(room, answer.cursor);
  };

  return {
    state,
    start() {
      if (running) return;
      running = true;
      state.value = { kind: 'connecting', since: parts.now() };
      connect();
    },
    stop() {
      running = false;
      for (const name of timers.keys()) forget(name);
      polling?.abort();
      polling = undefined;
      socket?.close();
      socket = undefined;
    },
    wake: () => connect(),
    subscribe(names, listener, since) {
      const added = rooms.add(names, listener, since);
      subscribeNow(added.subscribe);
      return () => {
        const gone = added.leave();
        frameId += 1;
        if (gone.length > 0) send({ type: 'unsubscribe', id: `u${frameId}`, rooms: [...gone] });
      };
    },
  };
}

function parseFrame(text: unknown): ServerFrame | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text) as ServerFrame;
  } catch {
    return undefined;
  }
}

function sleep(delayMs: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    stop.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
