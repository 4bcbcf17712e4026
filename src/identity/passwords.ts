/** Passwords: argon2id hashes, and which new ones are refused (too short, too common, one's own name). No composition rules, no expiry. */
import { randomInt } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { fail } from '../kernel/fail.ts';
import { createTurns } from '../kernel/turns.ts';
import { commonPasswordFault } from './common-passwords.ts';

/** OWASP's second setting for argon2id (19 MiB, 2 passes): about 20 ms, so that a hundred logins at once don't exhaust a small pod. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** So many at once: 76 MiB, and threads are left for files. */
const lanes = Array.from({ length: 4 }, createTurns);
let nextLane = 0;

/** Hashed when there is no account, so that its absence takes as long as a wrong password. Its password is not known to anybody. */
const NOBODY = '$argon2id$v=19$m=19456,t=2,p=1$c3R1ZGlvLm5vYm9keS4wMQ$QmF0dGVyeUhvcnNlU3RhcGxlQ29ycmVjdE5vYm9keTA';

/** Characters of temporary passwords: none that look alike. */
const READABLE = 'abcdefghjkmnpqrstuvwxyz23456789';

export function hashPassword(password: string): Promise<string> {
  return inLane(() => hash(normal(password), COST));
}

/** Whether `password` is the one of `stored`. Without an account (undefined) it takes as long, and is false. */
export async function isPassword(stored: string | undefined, password: string): Promise<boolean> {
  const matches = await inLane(() => verify(stored ?? NOBODY, normal(password)));
  return stored !== undefined && matches;
}

/** Refuses a new password that is easily guessed. @param own words of the account itself  @throws AppError invalid_body */
export function refuseWeakPassword(password: string, own: readonly string[]): void {
  const lower = normal(password).toLowerCase();
  const fault =
    commonPasswordFault(normal(password)) ??
    (own.some((word) => word.length > 3 && lower.includes(word.toLowerCase()) && lower.length < word.length + 4)
      ? 'it is your own name or address'
      : undefined);
  if (fault === undefined) return;
  fail('invalid_body', {
    message: `This password is refused: ${fault}. Use a longer phrase of several words, or one from a password manager.`,
    details: { in: 'body', problems: [{ path: 'password', message: fault }] },
  });
}

/** Four groups of four readable characters: 79 bits. */
export function temporaryPassword(): string {
  const group = (): string => Array.from({ length: 4 }, () => READABLE.charAt(randomInt(READABLE.length))).join('');
  return `${group()}-${group()}-${group()}-${group()}`;
}

function inLane<T>(work: () => Promise<T>): Promise<T> {
  nextLane = (nextLane + 1) % lanes.length;
  return (lanes[nextLane] ?? createTurns()).take(work);
}

/** One spelling of the same text, whatever keyboard made it (NIST SP 800-63B, 3.1.1.2). */
function normal(password: string): string {
  return password.normalize('NFKC');
}
