/** Logs of jobs over one socket: ranges of the file with where they begin, live, until the job has ended. Lines are no events: nothing is stored,
 *  and nothing is held for who is slow. Who falls too far behind is moved to the end and told what was left out.
 *  Never decides who may hear (the hub does); never opens a file (the source does). Memory is one range. */
import type { LogEnd, ServerFrame } from '../contract/events.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { completeText } from './complete-text.ts';

/** Where logs come from. An id is a job's, or `machine_log:<service>`, `service_log:<service>`. */
export interface LogSource {
  /** At most `maxBytes` from `from` on, and how long the log is now. */
  read(jobId: string, from: number, maxBytes: number): Promise<{ readonly bytes: Buffer; readonly size: number }>;
  /** How the job ended, once nothing is added to its log any more. */
  end(job: { readonly id: string; readonly orgId: string }): Promise<LogEnd | undefined>;
  /** Told when a log may have grown or ended. @returns ends that */
  onChange(jobId: string, listener: () => void): () => void;
}

export interface LogRooms {
  readonly size: number;
  /** From this byte on; a room that is open begins again there. */
  open(room: string, from: number): void;
  close(room: string): void;
  closeAll(): void;
}

export interface LogRoomsParts {
  readonly source: LogSource;
  readonly orgId: string;
  readonly say: (frame: ServerFrame) => void;
  /** Resolves when the socket holds little. */
  readonly drained: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Room {
  readonly name: string;
  readonly jobId: string;
  /** The next byte to send. */
  at: number;
  gapAtMs: number;
  readonly unwatch: () => void;
}

/** Of one room in one round: with its pause 5 MiB a second, more than anybody reads and little enough that nothing else waits for it. */
const ROUND_BYTES = 256 * 1024;
const ROUND_MS = 50;
/** A change is told at once; this finds what was not (another process runs the job). */
const LOOK_MS = 1_000;
/** Source: CONTRACTS (Events): what may be held for one who is slow. Here it is held by the file. */
const MAX_BEHIND_BYTES = 8 * 1024 * 1024;
/** What is shown of the end after a gap, and how often one may be: a page that shows nothing but jumps helps nobody. */
const TAIL_BYTES = 256 * 1024;
const GAP_EVERY_MS = 500;

/** Of a job; of Studio, its parts and services, as lines of one machine; of a service, as it wrote it. */
const ROOMS = ['job_log:', 'machine_log:', 'service_log:'] as const;

export function isLogRoom(room: string): boolean {
  return ROOMS.some((prefix) => room.startsWith(prefix));
}

/** How the source calls it: a job by its id, another log by its room. */
function idOf(room: string): string {
  return room.startsWith(ROOMS[0]) ? room.slice(ROOMS[0].length) : room;
}

export function createLogRooms(parts: LogRoomsParts): LogRooms {
  const { source, clock } = parts;
  const rooms = new Map<string, Room>();
  let changed = Promise.withResolvers<void>();
  let isRunning = false;

  function start(): void {
    if (isRunning || rooms.size === 0) return;
    isRunning = true;
    void run().finally(() => {
      isRunning = false;
      start();
    });
  }

  async function run(): Promise<void> {
    while (rooms.size > 0) {
      let hasMore = false;
      // Serial: one range at a time is held, however many logs are open.
      for (const room of rooms.values()) hasMore = (await step(room)) || hasMore;
      const over = new AbortController();
      const turned = hasMore || rooms.size === 0 ? Promise.resolve() : changed.promise;
      await Promise.race([turned, clock.sleep(LOOK_MS, over.signal).catch(() => undefined)]);
      over.abort();
      changed = Promise.withResolvers<void>();
      if (rooms.size > 0) await clock.sleep(ROUND_MS);
    }
  }

  const isOpen = (room: Room): boolean => rooms.get(room.name) === room;

  /** @returns whether there is more to send at once */
  async function step(room: Room): Promise<boolean> {
    try {
      await parts.drained();
      // Asked before reading: what was written before the end is then read for certain.
      const end = await source.end({ id: room.jobId, orgId: parts.orgId });
      const { bytes, size } = await source.read(room.jobId, room.at, ROUND_BYTES);
      if (!isOpen(room)) return false;
      // The log began anew at its limit.
      if (size < room.at) return jump(room, 0);
      if (size - room.at > MAX_BEHIND_BYTES) return await skip(room, size);
      const { text, length } = completeText(bytes, end !== undefined && room.at + bytes.length >= size);
      if (length > 0) parts.say({ type: 'log', room: room.name, from: room.at, to: room.at + length, text });
      room.at += length;
      if (end === undefined || room.at < size) return room.at < size && length > 0;
      parts.say({ type: 'log_end', room: room.name, at: room.at, ...end });
      close(room.name);
    } catch (error) {
      // The disk or the database is away: the next round tries again.
      parts.log.warn({ jobId: room.jobId, cause: messageOf(error) }, 'a log could not be read for a socket; it is tried again');
    }
    return false;
  }

  /** To a line near the end. */
  async function skip(room: Room, size: number): Promise<boolean> {
    if (clock.monotonic() - room.gapAtMs < GAP_EVERY_MS) return false;
    const start = size - TAIL_BYTES;
    const { bytes } = await source.read(room.jobId, start, TAIL_BYTES);
    return isOpen(room) && jump(room, start + bytes.indexOf(10) + 1);
  }

  function jump(room: Room, to: number): true {
    parts.say({ type: 'log_gap', room: room.name, from: room.at, to });
    room.at = to;
    room.gapAtMs = clock.monotonic();
    return true;
  }

  function close(name: string): void {
    rooms.get(name)?.unwatch();
    rooms.delete(name);
    changed.resolve();
  }

  return {
    get size() {
      return rooms.size;
    },
    open(name, from) {
      close(name);
      const jobId = idOf(name);
      rooms.set(name, { name, jobId, at: from, gapAtMs: Number.NEGATIVE_INFINITY, unwatch: source.onChange(jobId, () => changed.resolve()) });
      start();
    },
    close,
    closeAll() {
      for (const name of [...rooms.keys()]) close(name);
    },
  };
}
