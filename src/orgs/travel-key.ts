/** The key that secrets travel under: made of a passphrase, never kept. A wrong passphrase is known before anything is opened. */
import { randomBytes, scrypt } from 'node:crypto';
import { createCipher, type Cipher } from '../identity/cipher.ts';
import { fail } from '../kernel/fail.ts';

/** 64 MiB and some 0.2 s a try. @see RFC 7914 */
const COST = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 1024 * 1024 } as const;
const CHECK = ['org-export', 'check'] as const;
const CHECKED = Buffer.from('opens');

export interface TravelFacts {
  readonly salt: string;
  readonly check: string;
}

export async function newTravelKey(passphrase: string): Promise<{ readonly cipher: Cipher; readonly facts: TravelFacts }> {
  const salt = randomBytes(16).toString('hex');
  const cipher = await derive(passphrase, salt);
  return { cipher, facts: { salt, check: cipher.seal(CHECKED, CHECK).toString('base64') } };
}

/** @throws AppError invalid_body for another passphrase */
export async function openTravelKey(passphrase: string, facts: TravelFacts): Promise<Cipher> {
  const cipher = await derive(passphrase, facts.salt);
  try {
    cipher.open(Buffer.from(facts.check, 'base64'), CHECK);
    return cipher;
  } catch {
    return fail('invalid_body', 'This is not the passphrase that the org was exported with. Nothing was changed.');
  }
}

/** Where a secret stands while it travels: it opens under its own name only. */
export function travelPlace(name: string): readonly string[] {
  return ['org-export', 'secret', name];
}

function derive(passphrase: string, salt: string): Promise<Cipher> {
  return new Promise((resolve, reject) =>
    scrypt(passphrase.normalize('NFC'), Buffer.from(salt, 'hex'), 32, COST, (error, key) =>
      error === null ? resolve(createCipher(key.toString('hex'))) : reject(error),
    ),
  );
}
