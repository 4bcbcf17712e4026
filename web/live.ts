/** Live events: one socket for the whole page, resumed by cursor; its polling twin while no socket can be had.
 *  Falls back only after a connect that was given its time, or a loss that lasted; says so in `state`; returns to the socket.
 *  Events go to listeners only: nothing here knows what they mean. */
import { signal } from '@preact/signals';
import { createLogs, isLogRoom, logRoomOf } from './live-logs.ts';
import { createRooms } from './live-rooms.ts';
import type { ReadonlySignal, Signal } from '@preact/signals';
import type { ClientFrame, Envelope, ServerFrame } from '../src/contract/events.ts';
import type { LogListener } from './live-logs.ts';
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
  /** Follows the log of a job from a byte on, over the socket alone: it has no polling twin here. @returns leave; undefined when it is followed already */
  followLog(log: string, from: number, listener: LogListener): (() => void) | undefined;
}

const defaults: LiveTiming = { connectMs: 8_000, lossMs: 10_000, backoffMs: 500, maxBackoffMs: 15_000, pollMs: 3_000, pingMs: 20_000 };
const SESSION_ENDED = 4401;
// The contract's limit of one frame.
const ROOMS_PER_FRAME = 100;

export function createLive(parts: LiveParts): Live {
  return new LiveConnection(parts);
}

/** A class, because it has a lifetime: one socket or one polling loop, and the timers of both. */
class LiveConnection implements Live {
  readonly state: Signal<LiveState>;
  readonly #parts: LiveParts;
  readonly #timing: LiveTiming;
  readonly #rooms = createRooms();
  readonly #logs = createLogs();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #socket: WebSocket | undefined;
  #polling: AbortController | undefined;
  #isRunning = false;
  #failures = 0;
  #frameId = 0;
  #lostAt: number | undefined;
  #lastFrameAt = 0;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#timing = { ...defaults, ...parts.timing };
    this.state = signal<LiveState>({ kind: 'connecting', since: parts.now() });
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.state.value = { kind: 'connecting', since: this.#parts.now() };
    this.#connect();
  }

  stop(): void {
    this.#isRunning = false;
    for (const name of this.#timers.keys()) this.#forget(name);
    this.#stopPolling();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  wake(): void {
    this.#connect();
  }

  subscribe(names: readonly string[], listener: RoomListener, since?: string): () => void {
    const added = this.#rooms.add(names, listener, since);
    this.#subscribeNow(added.subscribe);
    return () => {
      const gone = added.leave();
      if (gone.length > 0) this.#send({ type: 'unsubscribe', id: this.#nextFrameId(), rooms: [...gone] });
    };
  }

  followLog(log: string, from: number, listener: LogListener): (() => void) | undefined {
    const room = logRoomOf(log);
    if (!this.#logs.add(room, from, listener)) return undefined;
    this.#subscribeLogs([room]);
    return () => {
      if (!this.#logs.names().includes(room)) return;
      this.#logs.remove(room);
      this.#send({ type: 'unsubscribe', id: this.#nextFrameId(), rooms: [room] });
    };
  }

  #later(name: string, delayMs: number, run: () => void): void {
    this.#forget(name);
    this.#timers.set(name, setTimeout(run, delayMs));
  }

  #forget(name: string): void {
    clearTimeout(this.#timers.get(name));
  }

  #become(kind: LiveState['kind']): void {
    if (this.state.value.kind !== kind) this.state.value = { kind, since: this.#parts.now() };
  }

  #nextFrameId(): string {
    this.#frameId += 1;
    return `f${this.#frameId}`;
  }

  #send(frame: ClientFrame): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #subscribeNow(names: readonly string[]): void {
    for (let at = 0; at < names.length; at += ROOMS_PER_FRAME) {
      const rooms = names.slice(at, at + ROOMS_PER_FRAME);
      this.#send({ type: 'subscribe', id: this.#nextFrameId(), rooms, since: this.#rooms.cursors(rooms) });
    }
  }

  #subscribeLogs(rooms: readonly string[]): void {
    if (rooms.length > 0) this.#send({ type: 'subscribe', id: this.#nextFrameId(), rooms: [...rooms], since: this.#logs.offsets(rooms) });
  }

  #connect(): void {
    if (!this.#isRunning || this.#socket !== undefined) return;
    this.#forget('retry');
    const opening = new WebSocket(this.#parts.url(), 'studio.v1');
    this.#socket = opening;
    this.#later('connect', this.#timing.connectMs, () => {
      if (opening.readyState === WebSocket.OPEN) return;
      opening.close();
      this.#lose(opening, { code: 1006, isTimeout: true });
    });
    opening.addEventListener('open', () => this.#ready(opening));
    opening.addEventListener('message', (message: MessageEvent) => {
      if (this.#socket === opening) this.#receive(message.data);
    });
    opening.addEventListener('close', (event: CloseEvent) => this.#lose(opening, { code: event.code, isTimeout: false }));
  }

  #ready(opened: WebSocket): void {
    if (this.#socket !== opened) return;
    this.#forget('connect');
    this.#failures = 0;
    this.#lostAt = undefined;
    this.#lastFrameAt = this.#parts.now();
    this.#stopPolling();
    this.#become('live');
    this.#subscribeNow(this.#rooms.names());
    this.#subscribeLogs(this.#logs.names());
    this.#beat(opened);
  }

  #beat(opened: WebSocket): void {
    this.#later('beat', this.#timing.pingMs, () => {
      if (this.#socket !== opened) return;
      if (this.#parts.now() - this.#lastFrameAt > 2 * this.#timing.pingMs) {
        opened.close();
        this.#lose(opened, { code: 1006, isTimeout: false });
        return;
      }
      this.#send({ type: 'ping' });
      this.#beat(opened);
    });
  }

  #lose(closed: WebSocket, how: { readonly code: number; readonly isTimeout: boolean }): void {
    if (this.#socket !== closed) return;
    this.#socket = undefined;
    this.#forget('beat');
    this.#forget('connect');
    if (!this.#isRunning) return;
    if (how.code === SESSION_ENDED) {
      this.stop();
      this.#become('ended');
      this.#parts.onSessionEnded();
      return;
    }
    this.#failures += 1;
    this.#lostAt ??= this.#parts.now();
    if (this.state.value.kind === 'live') this.#become('lost');
    if (how.isTimeout || this.#parts.now() - this.#lostAt >= this.#timing.lossMs) this.#startPolling();
    const ceiling = Math.min(this.#timing.maxBackoffMs, this.#timing.backoffMs * 2 ** Math.min(this.#failures, 10));
    this.#later('retry', this.#timing.backoffMs / 2 + Math.random() * ceiling, () => this.#connect());
  }

  #receive(text: unknown): void {
    this.#lastFrameAt = this.#parts.now();
    const frame = parseFrame(text);
    if (frame?.type === 'event') this.#rooms.deliver(frame.event);
    else if (frame?.type === 'reset') this.#rooms.reset(frame.room);
    else if (frame?.type === 'subscribed') {
      this.#rooms.begin(
        frame.rooms.filter((room) => !isLogRoom(room)),
        frame.cursor,
      );
      this.#logs.confirm(frame.rooms);
      this.#logs.deny(frame.denied);
    } else if (frame !== undefined) this.#logs.receive(frame);
  }

  #startPolling(): void {
    if (this.#polling !== undefined) return;
    this.#polling = new AbortController();
    void this.#pollLoop(this.#polling.signal);
  }

  #stopPolling(): void {
    this.#polling?.abort();
    this.#polling = undefined;
  }

  async #pollLoop(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        // Serial: a browser has six connections to a host, and calls must not wait behind polls.
        for (const room of this.#rooms.names()) await this.#pollRoom(room, stop);
        if (!stop.aborted && this.#rooms.names().length > 0) this.#become('polling');
      } catch {
        // Neither socket nor twin: said in the state, tried again below.
        if (!stop.aborted) this.#become('lost');
      }
      await sleep(this.#timing.pollMs, stop);
    }
  }

  async #pollRoom(room: string, stop: AbortSignal): Promise<void> {
    const answer = await this.#parts.poll(room, this.#rooms.cursors([room])[room], stop);
    if (stop.aborted) return;
    for (const event of answer.items) this.#rooms.deliver(event);
    if (answer.reset) this.#rooms.reset(room);
    this.#rooms.advance(room, answer.cursor);
  }
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
    stop.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
