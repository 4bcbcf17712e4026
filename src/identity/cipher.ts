/** Encryption at rest: AES-256-GCM, a random nonce per value, bound to its place by additional data (a value moved to another row or
 *  org does not open). Layout: version (1), nonce (12), tag (16), ciphertext. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

const VERSION = 1;
const ALGORITHM = 'aes-256-gcm';
const HASH = 'sha256';
/** What `seal` does, for who asks how values are protected. */
export const SEALING = { algorithm: ALGORITHM, keyDerivation: `hkdf-${HASH}` } as const;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MIN_KEY_BYTES = 32;

export interface Cipher {
  /** Names the key without telling it: kept beside each value, so that a changed key is recognised. */
  readonly keyId: string;
  seal(plain: Buffer, place: readonly string[]): Buffer;
  /** @throws when the value was made with another key, for another place, or was altered */
  open(sealed: Buffer, place: readonly string[]): Buffer;
}

/** @param secret CREDENTIAL_ENCRYPTION_KEY  @throws when it is shorter than 256 bits */
export function createCipher(secret: string): Cipher {
  const material = Buffer.from(secret, 'utf8');
  if (material.length < MIN_KEY_BYTES)
    throw new Error(`CREDENTIAL_ENCRYPTION_KEY has ${material.length} bytes; it needs at least ${MIN_KEY_BYTES}. Make one with: openssl rand -hex 32`);
  const key = Buffer.from(hkdfSync(HASH, material, Buffer.alloc(0), 'studio/at-rest/v1', 32));
  const keyId = createHash(HASH).update('studio/key-id').update(key).digest('hex').slice(0, 16);
  return {
    keyId,
    seal(plain, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, nonce);
      cipher.setAAD(placeBytes(place));
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body]);
    },
    open(sealed, place) {
      if (sealed[0] !== VERSION || sealed.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error('an encrypted value has an unknown layout');
      const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(placeBytes(place));
      decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    },
  };
}

/** Unambiguous: each part with its length, so that no two places read the same. */
function placeBytes(place: readonly string[]): Buffer {
  return Buffer.from(place.map((part) => `${Buffer.byteLength(part)}:${part}`).join(','), 'utf8');
}
