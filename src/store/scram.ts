/** SCRAM-SHA-256 verifiers as PostgreSQL stores them, so that no password ever stands in a statement. Source: RFC 5802, RFC 7677. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** PostgreSQL's default: the password is 256 random bits, so more iterations would protect nothing. */
const ITERATIONS = 4096;
const SALT_BYTES = 16;

/** `SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>`, what `alter role … password` takes as it is. */
export function scramVerifier(password: string, salt: Buffer = randomBytes(SALT_BYTES), iterations = ITERATIONS): string {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

/** Whether `verifier` was made from `password`. Anything that is no SCRAM verifier is no match. */
export function isScramMatch(verifier: string | null, password: string): boolean {
  const match = /^SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$/.exec(verifier ?? '');
  if (verifier === null || match?.[1] === undefined || match[2] === undefined) return false;
  const expected = Buffer.from(scramVerifier(password, Buffer.from(match[2], 'base64'), Number(match[1])));
  const actual = Buffer.from(verifier);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
