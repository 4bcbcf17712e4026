/** Finds text in a log of any size: reads it in pieces, bounded by bytes a call, so that neither memory nor the event loop notices. Pure but for the reads.
 *  Letters are compared without case in ASCII; a match never spans two lines. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

export interface SearchRequest {
  readonly path: string;
  readonly text: string;
  /** Also by case. */
  readonly isExact: boolean;
  /** Byte to begin at: the beginning of a line. */
  readonly from: number;
  readonly limit: number;
  readonly signal: AbortSignal;
}

export interface SearchReply {
  readonly matches: { readonly at: number; readonly text: string }[];
  /** Where the next call goes on; null: all was looked through. */
  readonly next: number | null;
  /** How long the log is. */
  readonly bytes: number;
}

/** A few ms of work between two looks of the event loop at others. */
const CHUNK_BYTES = 256 * 1024;
/** A call. */
const MAX_SCAN_BYTES = 256 * 1024 * 1024;
const MAX_TEXT_CHARS = 2_000;
/** A line is looked at so far around a match. */
const MAX_LINE_BYTES = 16 * 1024;
const NEWLINE = 10;

/** One match a line, in order. A log that is not there yet is empty. */
export async function searchLog(request: SearchRequest): Promise<SearchReply> {
  const handle = await open(request.path, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => undefined);
  if (handle === undefined) return { matches: [], next: null, bytes: 0 };
  try {
    return await scan(handle, request);
  } finally {
    await handle.close();
  }
}

async function scan(handle: FileHandle, request: SearchRequest): Promise<SearchReply> {
  const { size: bytes } = await handle.stat();
  const needle = fold(Buffer.from(request.text), request.isExact);
  const matches: { at: number; text: string }[] = [];
  const end = Math.min(bytes, request.from + MAX_SCAN_BYTES);
  let at = request.from;
  while (at < end) {
    request.signal.throwIfAborted();
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, at);
    if (bytesRead === 0) break;
    const folded = fold(buffer.subarray(0, bytesRead), request.isExact);
    // What lies across two pieces is found in the next.
    let next = at + (bytesRead < CHUNK_BYTES ? bytesRead : bytesRead - needle.length + 1);
    for (let found = folded.indexOf(needle); found >= 0;) {
      const line = await lineAround(handle, at + found, bytes);
      matches.push({ at: line.start, text: line.text });
      if (matches.length === request.limit) return { matches, next: line.end < bytes ? line.end : null, bytes };
      next = Math.max(next, line.end);
      found = line.end >= at + bytesRead ? -1 : folded.indexOf(needle, line.end - at);
    }
    at = next;
  }
  return { matches, next: at < bytes ? at : null, bytes };
}

/** latin1 keeps every byte apart, and its lower case changes no length. */
function fold(bytes: Buffer, isExact: boolean): Buffer {
  if (isExact) return bytes;
  const folded = Buffer.from(bytes);
  for (let index = 0; index < folded.length; index++) {
    const byte = folded[index] ?? 0;
    if (byte >= 65 && byte <= 90) folded[index] = byte + 32;
  }
  return folded;
}

/** The line that holds a byte, looked for as far as a line may be long. */
async function lineAround(handle: FileHandle, position: number, bytes: number): Promise<{ start: number; end: number; text: string }> {
  const from = Math.max(0, position - MAX_LINE_BYTES);
  const length = Math.min(bytes, position + MAX_LINE_BYTES) - from;
  const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, from);
  const around = buffer.subarray(0, bytesRead);
  const inside = position - from;
  const before = inside === 0 ? -1 : around.lastIndexOf(NEWLINE, inside - 1);
  const after = around.indexOf(NEWLINE, inside);
  const start = before + 1;
  const end = after < 0 ? around.length : after + 1;
  // Of a very long line, what is around the match.
  const cut = Math.max(start, Math.min(inside - MAX_TEXT_CHARS / 4, end - MAX_TEXT_CHARS));
  const text = around
    .subarray(cut, Math.min(end, cut + MAX_TEXT_CHARS))
    .toString()
    .replace(/\r?\n$/, '');
  return { start: from + start, end: from + end, text };
}
