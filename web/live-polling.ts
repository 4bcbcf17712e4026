/** The polling twin of the socket: while it runs, every room is read on from where its listeners stand. Knows no socket.
 *  A room that this person may not hear any more is told so, and does not keep the others from being read. */
import type { Envelope } from '../src/contract/events.ts';
import type { Rooms } from './live-rooms.ts';

/** Reads a room on from a place, at most `limit` events. @throws an error with the `status` of the answer, where there was one */
export type Poll = (
  read: { readonly room: string; readonly after: string | undefined; readonly limit: number },
  signal: AbortSignal,
) => Promise<{ items: Envelope[]; cursor: string; reset: boolean }>;

export interface Polling {
  start(): void;
  stop(): void;
}

interface PollingParts {
  readonly poll: Poll;
  readonly rooms: Pick<Rooms, 'names' | 'places' | 'deliver' | 'reset' | 'deny' | 'advance'>;
  /** Between two rounds. */
  readonly pauseMs: number;
  /** All rooms were read. */
  readonly onAnswer: () => void;
  readonly onSilence: () => void;
}

/** The most that one answer holds. */
const PAGE = 1_000;
/** Of one room in one round; then others have their turn. */
const MOST_PAGES = 20;

export function createPolling(parts: PollingParts): Polling {
  let running: AbortController | undefined;
  return {
    start() {
      if (running !== undefined) return;
      running = new AbortController();
      void loop(parts, running.signal);
    },
    stop() {
      running?.abort();
      running = undefined;
    },
  };
}

async function loop(parts: PollingParts, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      // Serial: a browser has six connections to a host, and calls must not wait behind polls.
      for (const room of parts.rooms.names()) for (const place of parts.rooms.places(room)) await readOn(parts, { room, place }, stop);
      if (!stop.aborted && parts.rooms.names().length > 0) parts.onAnswer();
    } catch {
      if (!stop.aborted) parts.onSilence();
    }
    await sleep(parts.pauseMs, stop);
  }
}

async function readOn(parts: PollingParts, { room, place }: { readonly room: string; readonly place: string | undefined }, stop: AbortSignal): Promise<void> {
  let from = place;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    try {
      // Serial: each page begins where the one before ended.
      const answer = await parts.poll({ room, after: from, limit: PAGE }, stop);
      if (stop.aborted) return;
      for (const event of answer.items) parts.rooms.deliver(event);
      if (answer.reset) return parts.rooms.reset(room);
      parts.rooms.advance(room, from, answer.cursor);
      if (answer.items.length < PAGE) return;
      from = answer.cursor;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (!stop.aborted) parts.rooms.deny([room]);
      return;
    }
  }
}

/** The room is not there for this person. */
function isRefusal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && (error.status === 403 || error.status === 404);
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
