/** Answers from the outside: their headers, and their body inflated and bounded. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { EgressError } from './egress-error.ts';

/** Several of one name are joined by commas. */
export function replyHeaders(message: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(message.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]])),
  );
}

/** The inflated body; stops reading as soon as it passes the limit, so that a small bomb stays small. */
export async function readBody(message: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const stream = inflated(message);
  const abort = (): void => void stream.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new EgressError('reply_too_large', `the answer is larger than ${maxBytes} bytes; ask for less`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw error instanceof EgressError ? error : new EgressError('egress_failed', `the answer broke off after ${size} bytes`, { cause: error });
  } finally {
    signal.removeEventListener('abort', abort);
    message.destroy();
  }
}

/** The body as it was before it was packed for the way. An end before its time is an error. */
export function inflated(message: IncomingMessage): Readable {
  const encoding = message.headers['content-encoding']?.trim().toLowerCase();
  const inflate =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : encoding === 'br'
          ? createBrotliDecompress()
          : undefined;
  if (inflate === undefined) return message;
  message.on('error', (error) => inflate.destroy(error));
  message.on('close', () => {
    if (!message.complete) inflate.destroy(new Error('the connection closed before the end of the body'));
  });
  return message.pipe(inflate);
}
