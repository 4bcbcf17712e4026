/** Wakes the feeds of other processes after a commit here, and this one's after theirs: by Redis when there is one, by NOTIFY while
 *  another process lives. Never carries events, and may lose any wake: the feed looks every second by itself. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import type { Listen } from '../store/listen.ts';
import { countLiveOwners, notifyOutbox, OUTBOX_CHANNEL } from '../store/wakes.ts';

/** The part of ioredis that is used. */
export interface WakeRedis {
  readonly status: string;
  publish(channel: string, message: string): Promise<unknown>;
  duplicate(): WakeRedisSubscriber;
}
interface WakeRedisSubscriber {
  subscribe(channel: string): Promise<unknown>;
  on(event: 'ready', listener: () => void): unknown;
  on(event: 'message', listener: (channel: string, message: string) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  disconnect(): void;
}

export interface Wake {
  start(): void;
  stop(): void;
}

export interface WakeParts {
  readonly database: Database;
  readonly redis?: WakeRedis | undefined;
  readonly listen?: Listen | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onWake: () => void;
}

/** Wakes within this time are one: a busy engine commits hundreds of times a second. */
const COALESCE_MS = 10;
/** How long a process that started goes unheard by NOTIFY; until then the feeds' own second is the bound. */
const PEERS_EVERY_MS = 5_000;

export function createWake(parts: WakeParts): Wake {
  const { database, redis, clock, log } = parts;
  let subscriber: WakeRedisSubscriber | undefined;
  let unlisten: (() => void) | undefined;
  let endAnnounce = (): void => {};
  let cancelTell: (() => void) | undefined;
  let cancelPeers = (): void => {};
  let isStopped = false;

  const tellOthers = (): void => {
    cancelTell = undefined;
    if (redis?.status === 'ready') {
      redis.publish(OUTBOX_CHANNEL, '').catch((error: unknown) => log.debug({ cause: messageOf(error) }, 'a wake by redis was lost'));
    } else if (unlisten !== undefined) {
      notifyOutbox(database.engine).catch((error: unknown) => log.debug({ cause: messageOf(error) }, 'a wake by notify was lost'));
    }
  };

  const watchPeers = async (): Promise<void> => {
    try {
      const hasPeers = (await countLiveOwners(database.engine)) > 1;
      if (isStopped) return;
      if (hasPeers) unlisten ??= parts.listen?.(OUTBOX_CHANNEL, parts.onWake);
      else {
        unlisten?.();
        unlisten = undefined;
      }
    } catch (error) {
      log.debug({ cause: messageOf(error) }, 'other processes could not be counted');
    }
    if (!isStopped) cancelPeers = clock.after(PEERS_EVERY_MS, () => void watchPeers());
  };

  return {
    start() {
      endAnnounce = database.onAnnounce(() => {
        parts.onWake();
        cancelTell ??= clock.after(COALESCE_MS, tellOthers);
      });
      if (redis !== undefined) {
        const hearing = redis.duplicate();
        subscriber = hearing;
        hearing.on('message', parts.onWake);
        hearing.on('error', (error) => log.debug({ cause: error.message }, 'redis does not wake the feed'));
        // At each connect: the client keeps no commands for later, so one given while Redis is away is lost.
        hearing.on('ready', () => {
          hearing.subscribe(OUTBOX_CHANNEL).catch((error: unknown) => log.debug({ cause: messageOf(error) }, 'redis does not wake the feed'));
        });
      }
      void watchPeers();
    },
    stop() {
      isStopped = true;
      endAnnounce();
      cancelTell?.();
      cancelPeers();
      unlisten?.();
      subscriber?.disconnect();
    },
  };
}
