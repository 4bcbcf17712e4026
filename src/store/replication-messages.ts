/** What travels inside a copy of the streaming replication protocol, both ways. Pure.
 *  @see https://www.postgresql.org/docs/18/protocol-replication.html */

export type StreamMessage =
  | { readonly kind: 'wal'; readonly start: bigint; readonly serverEnd: bigint; readonly bytes: Buffer }
  /** `wantsReply`: the server ends the connection unless it hears of us soon. */
  | { readonly kind: 'keepalive'; readonly serverEnd: bigint; readonly wantsReply: boolean };

const WAL_HEADER = 25;
const KEEPALIVE = 18;

/** @param chunk one CopyData's content; `bytes` of the result is a view of it  @throws Error when it is neither */
export function readStreamMessage(chunk: Buffer): StreamMessage {
  if (chunk[0] === 0x77 && chunk.length >= WAL_HEADER)
    return { kind: 'wal', start: chunk.readBigUInt64BE(1), serverEnd: chunk.readBigUInt64BE(9), bytes: chunk.subarray(WAL_HEADER) };
  if (chunk[0] === 0x6b && chunk.length >= KEEPALIVE) return { kind: 'keepalive', serverEnd: chunk.readBigUInt64BE(1), wantsReply: chunk[17] === 1 };
  throw new Error(`PostgreSQL sent a message of replication that is not known (type ${chunk[0]}, ${chunk.length} bytes).`);
}

/** Microseconds between 1970 and 2000, where PostgreSQL's time begins. */
const EPOCH_US = 946_684_800_000_000n;

/** Standby status update: what was written and what was flushed, which is what a waiting commit waits for. @param now wall time, ms */
export function writeStatus(position: { readonly written: bigint; readonly flushed: bigint }, now: number): Buffer {
  const message = Buffer.alloc(34);
  message[0] = 0x72;
  message.writeBigUInt64BE(position.written, 1);
  message.writeBigUInt64BE(position.flushed, 9);
  // Applied: nothing is applied here, and no commit waits for it; it must not run ahead of what is flushed.
  message.writeBigUInt64BE(position.flushed, 17);
  message.writeBigInt64BE(BigInt(Math.round(now)) * 1_000n - EPOCH_US, 25);
  return message;
}

export type BackupMessage =
  | { readonly kind: 'archive'; readonly name: string; readonly tablespace: string }
  | { readonly kind: 'manifest' }
  | { readonly kind: 'data'; readonly bytes: Buffer }
  | { readonly kind: 'progress'; readonly bytes: bigint };

/** @param chunk one CopyData's content of BASE_BACKUP (PostgreSQL 15 and newer)  @throws Error when it is none of these */
export function readBackupMessage(chunk: Buffer): BackupMessage {
  if (chunk[0] === 0x64) return { kind: 'data', bytes: chunk.subarray(1) };
  if (chunk[0] === 0x6d) return { kind: 'manifest' };
  if (chunk[0] === 0x70 && chunk.length >= 9) return { kind: 'progress', bytes: chunk.readBigUInt64BE(1) };
  if (chunk[0] === 0x6e) {
    const [name = '', tablespace = ''] = chunk.subarray(1).toString('utf8').split('\0');
    return { kind: 'archive', name, tablespace };
  }
  throw new Error(`PostgreSQL sent a message of a base backup that is not known (type ${chunk[0]}, ${chunk.length} bytes).`);
}
