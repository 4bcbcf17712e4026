/** What was ended or changed, told to this process at once and to the others by NOTIFY. Whoever caches rights or holds a socket listens. */
import * as z from 'zod';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Sql } from '../store/client.ts';
import type { Listen } from '../store/listen.ts';
import { IDENTITY_CHANNEL, notifyIdentity } from '../store/sessions.ts';

const change = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('session'), sessionId: z.string() }),
  z.strictObject({ kind: z.literal('key'), keyId: z.string() }),
  /** Rights of a person changed, or all that they hold ended: look again. */
  z.strictObject({ kind: z.literal('user'), userId: z.string() }),
  z.strictObject({ kind: z.literal('settings'), orgId: z.string() }),
]);
export type IdentityChange = z.infer<typeof change>;

export interface Revocations {
  /** Writes the changes into the transaction: other processes hear of them when it commits. */
  write(sql: Sql, changes: readonly IdentityChange[]): Promise<void>;
  /** Tells this process. Call it after the commit. */
  tell(changes: readonly IdentityChange[]): void;
  onChange(listener: (change: IdentityChange) => void): () => void;
  stop(): void;
}

export function createRevocations({ listen, log }: { readonly listen?: Listen | undefined; readonly log: Logger }): Revocations {
  const listeners = new Set<(change: IdentityChange) => void>();
  const tell = (changes: readonly IdentityChange[]): void => {
    for (const one of changes) for (const listener of listeners) listener(one);
  };
  const stop = listen?.(IDENTITY_CHANNEL, (payload) => {
    const heard = read(payload);
    if (heard === undefined) log.warn({ channel: IDENTITY_CHANNEL }, 'a notification could not be read');
    else tell([heard]);
  });
  return {
    async write(sql, changes) {
      // Serial: one connection, inside one transaction.
      for (const one of changes) await notifyIdentity(sql, JSON.stringify(one));
    },
    tell,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => stop?.(),
  };

  function read(payload: string): IdentityChange | undefined {
    try {
      return change.parse(JSON.parse(payload));
    } catch (error) {
      log.debug({ cause: messageOf(error) }, 'a notification was not ours');
      return undefined;
    }
  }
}
