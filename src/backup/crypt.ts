/** The keys of a backup with a passphrase, and its parts under them: frames of AES-256-GCM, each bound to its part and its place in it, the last one marked.
 *  So no frame can be altered, moved, left out or cut off. Never keeps a passphrase. @see RFC 7914 (scrypt), the STREAM construction (Hoang et al. 2015) */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import * as z from 'zod';
import { AppError, fail } from '../kernel/fail.ts';

/** 64 MiB and some 0.2 s a try: who guesses pays that each time. */
const COST = 2 ** 16;
const BLOCK_SIZE = 8;
const ALGORITHM = 'aes-256-gcm';
/** How parts of new backups are sealed, for who asks. */
export const BACKUP_SEALING = { algorithm: ALGORITHM, keyDerivation: `scrypt N=${COST} r=${BLOCK_SIZE} p=1` } as const;
const FRAME_BYTES = 256 * 1024;
const TAG_BYTES = 16;
const SALT_BYTES = 16;
const VERSION = 1;
export const MIN_PASSPHRASE = 12;

/** How the key is made of the passphrase; kept in the manifest. */
export const encryptionFacts = z.strictObject({
  kdf: z.literal('scrypt'),
  cost: z
    .int()
    .min(2 ** 14)
    .max(2 ** 20),
  blockSize: z.int().min(1).max(16),
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  /** Names the key without telling it: a wrong passphrase is known before anything is read. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
});
export type EncryptionFacts = z.infer<typeof encryptionFacts>;

export interface BackupKey {
  readonly facts: EncryptionFacts;
  /** What the manifest is sealed with. */
  mac(bytes: Buffer): string;
  /** The name under which content lies: tells nobody its hash. */
  nameOf(sha256: string): string;
  seal(part: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer>;
  /** @throws AppError backup_unusable when it was altered or cut off */
  open(part: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer>;
}

/** A key for new backups. */
export async function newKey(passphrase: string): Promise<BackupKey> {
  if (passphrase.length < MIN_PASSPHRASE)
    fail('invalid_body', `The passphrase has ${passphrase.length} characters; it needs ${MIN_PASSPHRASE}. Take several words, or: openssl rand -hex 32`);
  return deriveKey(passphrase, { cost: COST, blockSize: BLOCK_SIZE, salt: randomBytes(SALT_BYTES).toString('hex') });
}

/** The key of a backup. @throws AppError invalid_body when the passphrase is another */
export async function keyOf(passphrase: string, facts: EncryptionFacts): Promise<BackupKey> {
  const key = await deriveKey(passphrase, facts);
  if (key.facts.keyId !== facts.keyId) fail('invalid_body', 'This is not the passphrase that the backup was made with. Nothing was changed.');
  return key;
}

async function deriveKey(passphrase: string, { cost, blockSize, salt }: Pick<EncryptionFacts, 'cost' | 'blockSize' | 'salt'>): Promise<BackupKey> {
  const root = await new Promise<Buffer>((resolve, reject) =>
    scrypt(passphrase.normalize('NFKC'), Buffer.from(salt, 'hex'), 32, { N: cost, r: blockSize, p: 1, maxmem: 256 * cost * blockSize }, (error, made) =>
      error === null ? resolve(made) : reject(error),
    ),
  );
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), `studio/backup/${use}/v1`, 32));
  const [partKey, macKey, nameKey] = [derive('parts'), derive('manifest'), derive('names')];
  const keyId = derive('id').toString('hex').slice(0, 16);
  return {
    facts: { kdf: 'scrypt', cost, blockSize, salt, keyId },
    mac: (bytes) => createHmac('sha256', macKey).update(bytes).digest('hex'),
    nameOf: (sha256) => createHmac('sha256', nameKey).update(sha256).digest('hex'),
    seal: (part, source) => seal(partKey, part, source),
    open: (part, source) => open(partKey, part, source),
  };
}

/** Whether two seals are the same, in a time that tells nothing. */
export function isSameSeal(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function keyOfPart(partKey: Buffer, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', partKey, salt, 'studio/backup/part', 32));
}

function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(index, 7);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

async function* seal(partKey: Buffer, part: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const salt = randomBytes(SALT_BYTES);
  const key = keyOfPart(partKey, salt);
  const frame = (index: number, plain: Buffer, isLast: boolean): Buffer => {
    const cipher = createCipheriv(ALGORITHM, key, nonceOf(index, isLast), { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(part));
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  };
  yield Buffer.concat([Buffer.from([VERSION]), salt]);
  let index = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
    // One byte more than a frame: then it is not the last.
    for (; rest.length > FRAME_BYTES; rest = rest.subarray(FRAME_BYTES)) yield frame(index++, rest.subarray(0, FRAME_BYTES), false);
  }
  yield frame(index, rest, true);
}

async function* open(partKey: Buffer, part: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let key: Buffer | undefined;
  let index = 0;
  let rest: Buffer = Buffer.alloc(0);
  const frame = (sealed: Buffer, isLast: boolean): Buffer => {
    if (key === undefined || sealed.length < TAG_BYTES) throw altered(part);
    const decipher = createDecipheriv(ALGORITHM, key, nonceOf(index++, isLast), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(part));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)), decipher.final()]);
    } catch (cause) {
      throw altered(part, cause);
    }
  };
  for await (const chunk of source) {
    rest = rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
    if (key === undefined && rest.length > SALT_BYTES) {
      if (rest[0] !== VERSION) throw altered(part);
      key = keyOfPart(partKey, rest.subarray(1, 1 + SALT_BYTES));
      rest = rest.subarray(1 + SALT_BYTES);
    }
    if (key === undefined) continue;
    for (; rest.length > FRAME_BYTES + TAG_BYTES; rest = rest.subarray(FRAME_BYTES + TAG_BYTES)) yield frame(rest.subarray(0, FRAME_BYTES + TAG_BYTES), false);
  }
  yield frame(rest, true);
}

function altered(part: string, cause?: unknown): AppError {
  return new AppError('backup_unusable', {
    message: `The part ${part} was altered or cut off: it does not open with the backup's key. Use another backup.`,
    cause,
  });
}
