/** Which logs are followed over the socket, and how far each has come. Pure bookkeeping for live.ts; knows no socket. */
import type { ServerFrame } from '../src/contract/events.ts';

type Frame<Type extends ServerFrame['type']> = Extract<ServerFrame, { type: Type }>;

/** What a follower is told. */
export interface LogListener {
  /** The server took it up; said again after each reconnect. */
  onReady(): void;
  onText(frame: Frame<'log'>): void;
  /** The next text begins at this byte: what lies between is in the file alone. */
  onGap(to: number): void;
  onEnd(): void;
  /** There is no such log for this person. */
  onDenied(): void;
}

export interface Logs {
  /** @returns whether nobody follows this log yet */
  add(room: string, from: number, listener: LogListener): boolean;
  remove(room: string): void;
  names(): readonly string[];
  /** The byte to go on from, for the rooms that are followed. */
  offsets(rooms: readonly string[]): Record<string, string>;
  /** A frame of a log; others are nobody's here. */
  receive(frame: ServerFrame): void;
  confirm(rooms: readonly string[]): void;
  deny(rooms: readonly string[]): void;
}

const JOB_LOG = 'job_log:';
const OTHERS = ['machine_log:', 'service_log:'];

/** The room of a job's log, by its id; or of another: `machine_log:<service>`, `service_log:<service>`. */
export function logRoomOf(log: string): string {
  return OTHERS.some((prefix) => log.startsWith(prefix)) ? log : `${JOB_LOG}${log}`;
}

export function isLogRoom(room: string): boolean {
  return room.startsWith(JOB_LOG) || OTHERS.some((prefix) => room.startsWith(prefix));
}

export function createLogs(): Logs {
  const followed = new Map<string, { at: number; readonly listener: LogListener }>();
  return {
    add(room, from, listener) {
      if (followed.has(room)) return false;
      followed.set(room, { at: from, listener });
      return true;
    },
    remove: (room) => void followed.delete(room),
    names: () => [...followed.keys()],
    offsets: (rooms) =>
      Object.fromEntries(
        rooms.flatMap((room) => {
          const log = followed.get(room);
          return log === undefined ? [] : [[room, String(log.at)]];
        }),
      ),
    receive(frame) {
      if (frame.type !== 'log' && frame.type !== 'log_gap' && frame.type !== 'log_end') return;
      const log = followed.get(frame.room);
      // What was on its way when the log was left, or is of an earlier place.
      if (log === undefined || (frame.type === 'log_end' ? frame.at : frame.from) !== log.at) return;
      if (frame.type === 'log_end') {
        followed.delete(frame.room);
        return log.listener.onEnd();
      }
      log.at = frame.to;
      if (frame.type === 'log') log.listener.onText(frame);
      else log.listener.onGap(frame.to);
    },
    confirm(rooms) {
      for (const room of rooms) followed.get(room)?.listener.onReady();
    },
    deny(rooms) {
      for (const room of rooms) {
        const log = followed.get(room);
        followed.delete(room);
        log?.listener.onDenied();
      }
    },
  };
}
