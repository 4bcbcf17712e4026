/** How often one may guess: 10 failures in 15 minutes for an account, 100 for an address. Counted in memory (so that a thousand tries
 *  at once are not all let through before the first one failed) and in PostgreSQL (so that a restart forgets nothing). Never in Redis. */
import { createHash } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import type { Sql } from '../store/client.ts';
import { countLoginAttempts, deleteLoginAttempts, deleteOldLoginAttempts, insertLoginAttempts, type AttemptKind } from '../store/login-attempts.ts';

const WINDOW_MS = 15 * 60_000;
const LIMITS = { account: 10, address: 100 } as const satisfies Record<AttemptKind, number>;
/** Subjects kept in memory; beyond it the oldest go: PostgreSQL still counts them. */
const MAX_SUBJECTS = 20_000;

/** One try, counted as a failure until it is told otherwise. */
export interface Try {
  succeeded(): Promise<void>;
  failed(): Promise<void>;
}

export interface LoginLimits {
  /** @throws AppError rate_limited with the time to wait */
  begin(subject: { readonly account: string; readonly address: string }): Promise<Try>;
  /** Forgets what is older than the window. */
  clean(): Promise<void>;
}

export function createLoginLimits({ sql, clock }: { readonly sql: Sql; readonly clock: Clock }): LoginLimits {
  const tries = new Map<string, number[]>();
  return {
    async begin({ account, address }) {
      const subjects = [
        { kind: 'account', subject: digest(`account ${account.trim().toLowerCase()}`) },
        { kind: 'address', subject: digest(`address ${network(address)}`) },
      ] as const;
      const at = clock.monotonic();
      const reserved: string[] = [];
      try {
        for (const subject of subjects) reserved.push(reserve(tries, { ...subject, at }));
        for (const subject of subjects) await refuseTooMany(sql, clock, subject);
      } catch (error) {
        // What was refused was no try; only what this one reserved is given back.
        for (const key of reserved) release(tries, key, at);
        throw error;
      }
      return {
        async succeeded() {
          release(tries, `address ${subjects[1].subject}`, at);
          tries.delete(`account ${subjects[0].subject}`);
          await deleteLoginAttempts(sql, subjects[0]);
        },
        failed: () => insertLoginAttempts(sql, subjects, new Date(clock.now())),
      };
    },
    async clean() {
      const since = clock.monotonic() - WINDOW_MS;
      for (const [key, times] of tries) if ((times.at(-1) ?? 0) <= since) tries.delete(key);
      await deleteOldLoginAttempts(sql, new Date(clock.now() - WINDOW_MS));
    },
  };
}

function reserve(tries: Map<string, number[]>, subject: { readonly kind: AttemptKind; readonly subject: string; readonly at: number }): string {
  const key = `${subject.kind} ${subject.subject}`;
  const recent = (tries.get(key) ?? []).filter((time) => time > subject.at - WINDOW_MS);
  if (recent.length >= LIMITS[subject.kind]) refuse(subject.kind, (recent[0] ?? subject.at) + WINDOW_MS - subject.at);
  tries.delete(key);
  tries.set(key, [...recent, subject.at]);
  const [oldest] = tries.keys();
  if (tries.size > MAX_SUBJECTS && oldest !== undefined) tries.delete(oldest);
  return key;
}

function release(tries: Map<string, number[]>, key: string, at: number): void {
  const times = tries.get(key);
  const index = times?.indexOf(at) ?? -1;
  if (index >= 0) times?.splice(index, 1);
}

async function refuseTooMany(sql: Sql, clock: Clock, subject: { readonly kind: AttemptKind; readonly subject: string }): Promise<void> {
  const { count, oldest } = await countLoginAttempts(sql, { ...subject, since: new Date(clock.now() - WINDOW_MS) });
  if (count >= LIMITS[subject.kind]) refuse(subject.kind, (oldest?.getTime() ?? clock.now()) + WINDOW_MS - clock.now());
}

function refuse(kind: AttemptKind, waitMs: number): never {
  const retryAfterS = Math.max(1, Math.ceil(waitMs / 1_000));
  const whose = kind === 'account' ? 'for this account' : 'from this address';
  fail('rate_limited', {
    message: `Too many failed attempts ${whose}: ${LIMITS[kind]} in 15 minutes. Try again in ${Math.ceil(retryAfterS / 60)} min.`,
    retryAfterS,
  });
}

/** One caller's network: an IPv6 customer owns a /64. */
function network(address: string): string {
  return address.includes(':') ? address.split(':').slice(0, 4).join(':') : address;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
