/** One connection that hears NOTIFY for the whole process. Opened with the first listener, closed with the last, reconnected by itself.
 *  A notification is a hint, never the truth: what is missed while the connection is down is found by polling. */
import pg from 'pg';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { backoffDelayMs } from '../kernel/retry.ts';

/** Hears a channel. @returns a function that ends it */
export type Listen = (channel: string, listener: (payload: string) => void) => () => void;

export interface Listener {
  readonly listen: Listen;
  stop(): Promise<void>;
}

/** 250 ms, then doubling: a database that restarts is back within a second; one that is away is asked every 10 s. */
const BACKOFF = { baseMs: 250, factor: 2, maxMs: 10_000, jitter: 0.5 } as const;

export function createListener(options: { readonly connect: pg.ClientConfig; readonly clock: Clock; readonly log: Logger }): Listener {
  const { clock, log } = options;
  const channels = new Map<string, Set<(payload: string) => void>>();
  let client: pg.Client | undefined;
  let isReady = false;
  let attempts = 0;
  let cancelRetry = (): void => {};

  const open = (): void => {
    const fresh = new pg.Client({ application_name: 'studio listen', ...options.connect });
    client = fresh;
    fresh.on('notification', ({ channel, payload }) => {
      for (const listener of channels.get(channel) ?? []) listener(payload ?? '');
    });
    const lose = (error: unknown): void => {
      if (client !== fresh) return;
      client = undefined;
      isReady = false;
      fresh.end().catch(() => undefined);
      if (channels.size === 0) return;
      attempts++;
      if (attempts === 1) log.warn({ cause: messageOf(error) }, 'the connection that hears notifications was lost; reconnecting');
      cancelRetry = clock.after(backoffDelayMs(BACKOFF, attempts, Math.random()), open);
    };
    fresh.on('error', lose);
    fresh.on('end', () => lose(new Error('the server ended it')));
    fresh
      .connect()
      .then(async () => {
        for (const channel of channels.keys()) await fresh.query(`listen ${pg.escapeIdentifier(channel)}`);
        attempts = 0;
        isReady = client === fresh;
        // A listener that came between: `listen` twice is no fault.
        for (const channel of channels.keys()) await fresh.query(`listen ${pg.escapeIdentifier(channel)}`);
      })
      .catch(lose);
  };

  const close = async (): Promise<void> => {
    cancelRetry();
    const ending = client;
    client = undefined;
    isReady = false;
    await ending?.end().catch(() => undefined);
  };

  return {
    listen(channel, listener) {
      const listeners = channels.get(channel) ?? new Set();
      const isNew = listeners.size === 0;
      listeners.add(listener);
      channels.set(channel, listeners);
      if (client === undefined) {
        cancelRetry();
        open();
      } else if (isNew && isReady) {
        client
          .query(`listen ${pg.escapeIdentifier(channel)}`)
          .catch((error: unknown) => log.warn({ cause: messageOf(error), channel }, 'a channel could not be heard'));
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0 || channels.get(channel) !== listeners) return;
        channels.delete(channel);
        if (channels.size === 0) void close();
        else if (isReady) client?.query(`unlisten ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
      };
    },
    async stop() {
      channels.clear();
      await close();
    },
  };
}
