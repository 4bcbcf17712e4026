/** Live events: one socket for the whole page, resumed by cursor; its polling twin (live-polling.ts) while no socket can be had.
 *  Falls back only after a connect that was given its time, or a loss that lasted; says so in `state`; returns to the socket.
 *  A socket counts once the server hears all rooms on it: one that opens and is closed again, or whose rooms can't be looked up, is no connection.
 *  Events go to listeners only: nothing here knows what they mean. */
import { signal } from '@preact/signals';
import { createLogs, isLogRoom, logRoomOf } from './live-logs.ts';
import { createPolling } from './live-polling.ts';
import { createRooms } from './live-rooms.ts';
import type { ReadonlySignal, Signal } from '@preact/signals';
import type { ClientFrame, ServerFrame } from '../src/contract/events.ts';
import type { LogListener } from './live-logs.ts';
import type { Poll, Polling } from './live-polling.ts';
import type { Asked, RoomListener } from './live-rooms.ts';

/** `connecting`: never had a socket yet; `live`: socket ready; `polling`: the twin stands in; `lost`: neither answers; `ended`: the session is over. */
export interface LiveState {
  readonly kind: 'connecting' | 'live' | 'polling' | 'lost' | 'ended';
  /** Since when, ms of the epoch; of `lost`: when something was heard last, which is how old all values are. */
  readonly since: number;
}

export interface LiveParts {
  /** The socket's URL, `ws:` or `wss:`. */
  readonly url: () => URL;
  readonly poll: Poll;
  readonly now: () => number;
  /** The server ended the session (close code 4401). */
  readonly onSessionEnded: () => void;
  readonly timing?: Partial<LiveTiming>;
}

interface LiveTiming {
  /** A socket on which nothing is heard by then is given up: slow proxies answer an upgrade within 2 s. */
  readonly connectMs: number;
  /** A loss shorter than this is no reason to poll: a restart of Studio takes about a second. */
  readonly lossMs: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  readonly pollMs: number;
  /** A ping each; the server answers, so silence for two of them means a dead line. */
  readonly pingMs: number;
  /** Where there is reason to doubt, the answer to a ping is waited for so long. */
  readonly doubtMs: number;
}

export interface Live {
  readonly state: ReadonlySignal<LiveState>;
  start(): void;
  stop(): void;
  /** Looks now whether the socket stands, and opens one where there is none: the network came or went, the tab came to the front. */
  wake(): void;
  /** Listens to rooms. `since` is the cursor of the snapshot that the listener shows. @returns leave */
  subscribe(rooms: readonly string[], listener: RoomListener, since?: string): () => void;
  /** Follows the log of a job from a byte on, over the socket alone: it has no polling twin here. @returns leave; undefined when it is followed already */
  followLog(log: string, from: number, listener: LogListener): (() => void) | undefined;
}

const defaults: LiveTiming = { connectMs: 8_000, lossMs: 10_000, backoffMs: 500, maxBackoffMs: 15_000, pollMs: 3_000, pingMs: 20_000, doubtMs: 5_000 };
const SESSION_ENDED = 4401;
/** Too many connections, or too many frames: coming back soon would not help. */
const LIMIT = 4429;
const MANY_FAILURES = 10;
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
  readonly #polling: Polling;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Frames that were sent and not answered, by their id. */
  readonly #asked = new Map<string, Asked>();
  #socket: WebSocket | undefined;
  #isRunning = false;
  #failures = 0;
  #frameId = 0;
  #isLost = false;
  #heardAt: number;

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#timing = { ...defaults, ...parts.timing };
    this.#heardAt = parts.now();
    this.state = signal<LiveState>({ kind: 'connecting', since: this.#heardAt });
    this.#polling = createPolling({
      poll: parts.poll,
      rooms: this.#rooms,
      pauseMs: this.#timing.pollMs,
      onAnswer: () => {
        this.#heardAt = parts.now();
        this.#become('polling');
      },
      // Neither socket nor twin: said in the state, tried again.
      onSilence: () => this.#become('lost', this.#heardAt),
    });
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#heardAt = this.#parts.now();
    this.state.value = { kind: 'connecting', since: this.#heardAt };
    this.#connect();
  }

  stop(): void {
    this.#isRunning = false;
    for (const name of this.#timers.keys()) this.#forget(name);
    this.#polling.stop();
    const socket = this.#socket;
    this.#socket = undefined;
    this.#rooms.lose();
    socket?.close();
  }

  wake(): void {
    const doubted = this.#socket;
    if (doubted === undefined) return this.#connect();
    if (doubted.readyState !== WebSocket.OPEN) return;
    const askedAt = this.#parts.now();
    this.#send({ type: 'ping' });
    this.#later('doubt', this.#timing.doubtMs, () => {
      if (this.#heardAt < askedAt) this.#giveUp(doubted, false);
    });
  }

  subscribe(names: readonly string[], listener: RoomListener, since?: string): () => void {
    const added = this.#rooms.add(names, listener, since);
    this.#ask(added.ask);
    return () => {
      const gone = added.leave();
      if (gone.length > 0) this.#send({ type: 'unsubscribe', id: this.#nextFrameId(), rooms: [...gone] });
    };
  }

  followLog(log: string, from: number, listener: LogListener): (() => void) | undefined {
    const room = logRoomOf(log);
    if (!this.#logs.add(room, from, listener)) return undefined;
    this.#askLogs([room]);
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

  #become(kind: LiveState['kind'], since = this.#parts.now()): void {
    if (this.state.value.kind !== kind) this.state.value = { kind, since };
  }

  #nextFrameId(): string {
    this.#frameId += 1;
    return `f${this.#frameId}`;
  }

  /** @returns whether it went out */
  #send(frame: ClientFrame): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #ask(asked: Asked): void {
    for (let at = 0; at < asked.rooms.length; at += ROOMS_PER_FRAME) {
      const rooms = asked.rooms.slice(at, at + ROOMS_PER_FRAME);
      const since = Object.fromEntries(Object.entries(asked.since).filter(([room]) => rooms.includes(room)));
      const id = this.#nextFrameId();
      if (this.#send({ type: 'subscribe', id, rooms, since })) this.#asked.set(id, { rooms, since });
    }
  }

  #askLogs(rooms: readonly string[]): void {
    if (rooms.length > 0) this.#send({ type: 'subscribe', id: this.#nextFrameId(), rooms: [...rooms], since: this.#logs.offsets(rooms) });
  }

  #connect(): void {
    if (!this.#isRunning || this.#socket !== undefined) return;
    this.#forget('retry');
    const opening = new WebSocket(this.#parts.url(), 'studio.v1');
    this.#socket = opening;
    this.#later('connect', this.#timing.connectMs, () => this.#giveUp(opening, true));
    opening.addEventListener('open', () => this.#opened(opening));
    opening.addEventListener('message', (message: MessageEvent) => {
      if (this.#socket === opening) this.#receive(opening, message.data);
    });
    opening.addEventListener('close', (event: CloseEvent) => this.#lose(opening, { code: event.code, isTimeout: false }));
  }

  #opened(opened: WebSocket): void {
    if (this.#socket !== opened) return;
    for (const asked of this.#rooms.asks()) this.#ask(asked);
    this.#askLogs(this.#logs.names());
    // Answered even where nobody listens to a room.
    this.#send({ type: 'ping' });
    this.#beat(opened);
  }

  /** Something was heard on the socket: is it a connection now? */
  #settle(): void {
    if (this.state.value.kind === 'live' || !this.#rooms.isSettled()) return;
    for (const name of ['connect', 'loss']) this.#forget(name);
    this.#failures = 0;
    this.#isLost = false;
    this.#polling.stop();
    this.#become('live');
  }

  #beat(opened: WebSocket): void {
    this.#later('beat', this.#timing.pingMs, () => {
      if (this.#socket !== opened) return;
      if (this.#parts.now() - this.#heardAt >= 2 * this.#timing.pingMs) return this.#giveUp(opened, false);
      this.#send({ type: 'ping' });
      this.#beat(opened);
    });
  }

  #giveUp(socket: WebSocket, isTimeout: boolean): void {
    if (this.#socket !== socket) return;
    socket.close();
    this.#lose(socket, { code: 1006, isTimeout });
  }

  #lose(closed: WebSocket, how: { readonly code: number; readonly isTimeout: boolean }): void {
    if (this.#socket !== closed) return;
    this.#socket = undefined;
    for (const name of ['beat', 'connect', 'doubt']) this.#forget(name);
    this.#asked.clear();
    this.#rooms.lose();
    if (!this.#isRunning) return;
    if (how.code === SESSION_ENDED) {
      this.stop();
      this.#become('ended');
      this.#parts.onSessionEnded();
      return;
    }
    if (this.state.value.kind === 'live') this.#become('lost', this.#heardAt);
    if (how.isTimeout || how.code === LIMIT) this.#polling.start();
    else if (!this.#isLost) this.#later('loss', this.#timing.lossMs, () => this.#polling.start());
    this.#isLost = true;
    this.#failures = how.code === LIMIT ? MANY_FAILURES : Math.min(this.#failures + 1, MANY_FAILURES);
    const ceiling = Math.min(this.#timing.maxBackoffMs, this.#timing.backoffMs * 2 ** this.#failures);
    this.#later('retry', this.#timing.backoffMs / 2 + Math.random() * ceiling, () => this.#connect());
  }

  #receive(socket: WebSocket, text: unknown): void {
    this.#heardAt = this.#parts.now();
    const frame = parseFrame(text);
    if (frame === undefined) return;
    if (frame.type === 'event') this.#rooms.deliver(frame.event);
    else if (frame.type === 'reset') this.#rooms.reset(frame.room);
    else if (frame.type === 'subscribed') this.#confirm(frame);
    else if (frame.type !== 'error') this.#logs.receive(frame);
    else if (frame.code === 'forbidden' && frame.room !== undefined) this.#rooms.deny([frame.room]);
    // Its rooms could not be looked up: nothing would come on this socket.
    else if (frame.code === 'database_unavailable') return this.#giveUp(socket, false);
    this.#settle();
  }

  #confirm({ id, rooms, denied, cursor }: Extract<ServerFrame, { type: 'subscribed' }>): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (asked !== undefined) {
      this.#rooms.confirm(asked, rooms, cursor);
      this.#rooms.deny(denied);
    }
    this.#logs.confirm(rooms.filter(isLogRoom));
    this.#logs.deny(denied);
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
