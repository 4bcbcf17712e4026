/** Live updates of this process: feed, hub, sockets, streams and polls, joined. What came before it (who is it, may they come in)
 *  is http's; what an event means is nobody's here. */
import type { Caller } from '../contract/caller.ts';
import { roomName } from '../contract/events.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import type { Listen } from '../store/listen.ts';
import type { StoredEvent } from '../store/outbox.ts';
import { createFeed } from './feed.ts';
import { createHub, type RightsChange } from './hub.ts';
import { isLogRoom, type LogSource } from './log-rooms.ts';
import { pollEvents, type Polled, type PollOptions } from './poll.ts';
import { startRetention } from './retention.ts';
import { createRoomRights } from './rights.ts';
import { createSeats, SEAT_LIMITS, type SeatLimits } from './seats.ts';
import { CLOSE } from './socket.ts';
import { createSockets, type Upgrade } from './sockets.ts';
import { eventStream } from './stream.ts';
import { createWake, type WakeRedis } from './wake.ts';

export interface RealtimeParts {
  readonly database: Database;
  readonly redis?: WakeRedis | undefined;
  /** Hears NOTIFY; without it other processes' commits are seen within a second. */
  readonly listen?: Listen | undefined;
  /** The logs of jobs. */
  readonly logs: LogSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: SeatLimits;
}

export interface Realtime {
  start(): void;
  /** Takes over a connection whose caller was let in. */
  accept(upgrade: Upgrade): void;
  /** @throws AppError invalid_query, not_found, rate_limited */
  poll(options: PollOptions): Promise<Polled>;
  /** Server-sent events. @throws AppError as poll does */
  stream(options: Omit<PollOptions, 'limit' | 'waitMs'>): Promise<ReadableStream<Uint8Array>>;
  /** Rights of these changed: connections without any are closed with 4401 at once, rooms no longer allowed are taken. */
  revise(change: RightsChange): Promise<void>;
  /** Hears every event of every process, in order. For parts of this process. @returns a function that ends it */
  onEvents(listener: (events: readonly StoredEvent[]) => void): Promise<() => void>;
  /** Open sockets, streams and waiting polls. */
  readonly connections: number;
  /** Tells sockets that Studio stops (1012). */
  drain(): void;
  stop(): void;
}

/** The net under notifications that were lost. */
const REVISE_EVERY_MS = 15_000;

export function createRealtime(parts: RealtimeParts): Realtime {
  const { database, clock, log } = parts;
  const listeners = new Set<(events: readonly StoredEvent[]) => void>();
  const mayHear = createRoomRights(database);
  const feed = createFeed({
    database,
    clock,
    log,
    onStart: (position) => hub.forget(position),
    onEvents(events) {
      hub.deliver(events);
      for (const listener of listeners) callSafely(listener, events, log);
      for (const event of events) if (event.type === 'identity:session:ended') void hub.revise({ sessionId: event.id });
    },
  });
  const hub = createHub({ sql: database.engine, position: () => feed.position, mayHear, clock, log });
  const seats = createSeats(parts.limits ?? SEAT_LIMITS);
  const sockets = createSockets({ hub, feed, seats, logs: parts.logs, clock, log });
  const wake = createWake({ database, redis: parts.redis, listen: parts.listen, clock, log, onWake: feed.nudge });
  const streams = new Set<AbortController>();
  let stopRetention = (): void => {};
  let cancelRevise = (): void => {};
  let isDraining = false;

  const reviseLater = (): void => {
    cancelRevise = clock.after(REVISE_EVERY_MS, () => {
      void hub.reviseAll().finally(() => {
        if (!isDraining) reviseLater();
      });
    });
  };

  const admit = async (caller: Caller, room: string): Promise<() => void> => {
    if (!roomName.safeParse(room).success)
      fail('invalid_query', `"${room}" is no room; rooms are system, org:<id>, user:<id>, instance:<id>, workflow:<id> and job:<id>.`);
    if (isLogRoom(room))
      fail(
        'invalid_query',
        `"${room}" streams over the socket only; GET /api/v1/jobs/{id}/log?follow, GET /api/v1/services/{name}/log?follow and GET /api/v1/logs are its twins.`,
      );
    if (!(await mayHear(caller, room))) fail('not_found', `There is no room "${room}" for you.`);
    return seats.take(caller) ?? fail('rate_limited', { message: 'Too many connections listen already; close some.', retryAfterS: 5 });
  };

  return {
    start() {
      wake.start();
      stopRetention = startRetention({ database, clock, log });
      reviseLater();
    },
    accept: sockets.accept,
    async poll(options) {
      const giveBack = await admit(options.caller, options.room);
      try {
        return await pollEvents({ sql: database.engine, hub, feed, clock }, options);
      } finally {
        giveBack();
      }
    },
    async stream(options) {
      const giveBack = await admit(options.caller, options.room);
      const letGo = await feed.hold().catch((error: unknown) => {
        giveBack();
        throw error;
      });
      const stopping = new AbortController();
      streams.add(stopping);
      return eventStream({
        ...options,
        hub,
        clock,
        signal: AbortSignal.any([options.signal, stopping.signal]),
        onGone: () => {
          streams.delete(stopping);
          letGo();
          giveBack();
        },
      });
    },
    revise: hub.revise,
    async onEvents(listener) {
      const letGo = await feed.hold();
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        letGo();
      };
    },
    get connections() {
      return seats.taken;
    },
    drain() {
      isDraining = true;
      sockets.closeAll(CLOSE.restart, 'Studio restarts');
      for (const stream of streams) stream.abort();
    },
    stop() {
      isDraining = true;
      cancelRevise();
      stopRetention();
      wake.stop();
      feed.stop();
    },
  };
}

function callSafely(listener: (events: readonly StoredEvent[]) => void, events: readonly StoredEvent[], log: Logger): void {
  try {
    listener(events);
  } catch (error) {
    // A listener's fault must not stop the feed for the others.
    log.error({ cause: messageOf(error) }, 'a listener to events failed');
  }
}
