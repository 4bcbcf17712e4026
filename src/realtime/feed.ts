/** The one reader of the outbox in this process: hands committed events on, in order, each once. Reads only while somebody hears.
 *  Woken by `nudge`; looks every second by itself, so that no lost wake-up matters. Never skips: a failed read is read again. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { currentCursor, parseCursor, readEvents, type Cursor, type StoredEvent } from '../store/outbox.ts';

export interface Feed {
  /** Everything up to here was handed on. Meaningful only while held. */
  readonly position: Cursor;
  /** Starts reading from now on, unless it reads already. @returns a function that lets go; the last one stops the reading */
  hold(): Promise<() => void>;
  nudge(): void;
  stop(): void;
}

export interface FeedParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reading starts anew behind this place; what came before it was not handed on. */
  readonly onStart: (position: Cursor) => void;
  /** Called in order; `position` is already behind these events. Must not throw. */
  readonly onEvents: (events: readonly StoredEvent[]) => void;
}

/** The floor under every wake-up. */
const POLL_MS = 1_000;
const PAGE = 500;
/** Rows held back by an open transaction are looked for again soon, then less often. */
const HELD_BACK_MS = { first: 10, last: 250 } as const;

export function createFeed(parts: FeedParts): Feed {
  const { clock, log } = parts;
  let position: Cursor = { xid: 0n, position: 0 };
  let holders = 0;
  /** Raised by each start: a page asked for before it is not delivered after it. */
  let run = 0;
  let starting: Promise<void> | undefined;
  let isReading = false;
  let isNudged = false;
  let isFailing = false;
  let heldBackMs: number = HELD_BACK_MS.first;
  let cancelTimer = (): void => {};

  const isRunning = (): boolean => holders > 0 && starting === undefined;

  /** One page. @returns how long until the next look, 0 for at once */
  const readPage = async (): Promise<number> => {
    const readIn = run;
    const { events, isHeldBack } = await readEvents(parts.database.engine, { after: position, limit: PAGE });
    if (readIn !== run || holders === 0) return 0;
    const last = events.at(-1);
    if (last !== undefined) {
      position = last.cursor;
      parts.onEvents(events);
    }
    if (isFailing) log.info({}, 'the feed reads again');
    isFailing = false;
    if (events.length === PAGE) return 0;
    heldBackMs = isHeldBack && events.length === 0 ? Math.min(heldBackMs * 2, HELD_BACK_MS.last) : HELD_BACK_MS.first;
    return isHeldBack ? heldBackMs : POLL_MS;
  };

  const read = async (): Promise<void> => {
    if (isReading || !isRunning()) {
      isNudged = true;
      return;
    }
    isReading = true;
    cancelTimer();
    let nextMs = 0;
    try {
      // Serial: each page starts where the one before it ended.
      while (isRunning() && (nextMs === 0 || isNudged)) {
        isNudged = false;
        nextMs = await readPage();
      }
    } catch (error) {
      if (!isFailing) log.warn({ cause: messageOf(error) }, 'the feed can not read the outbox; it tries again every second');
      isFailing = true;
      nextMs = POLL_MS;
    } finally {
      isReading = false;
    }
    if (isRunning()) cancelTimer = clock.after(nextMs, () => void read());
  };

  return {
    get position() {
      return position;
    },
    async hold() {
      holders++;
      let isHeld = true;
      const release = (): void => {
        if (!isHeld) return;
        isHeld = false;
        holders--;
        if (holders === 0) cancelTimer();
      };
      try {
        if (holders === 1) starting = startAt();
        await starting;
      } catch (error) {
        release();
        throw error;
      }
      return release;
    },
    nudge() {
      if (holders > 0) void read();
    },
    stop() {
      holders = 0;
      cancelTimer();
    },
  };

  async function startAt(): Promise<void> {
    const mine = ++run;
    try {
      const now = parseCursor(await currentCursor(parts.database.engine));
      if (now !== undefined && mine === run) {
        position = now;
        parts.onStart(now);
      }
    } finally {
      if (mine === run) starting = undefined;
    }
    void read();
  }
}
