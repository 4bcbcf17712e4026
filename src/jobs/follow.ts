/** A job's log as a stream of bytes: a range of what is there, or live until the job has ended. Reads the file only; memory is one chunk. */
import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import { openRead, sizeOf } from './log-pump.ts';

const CHUNK_BYTES = 64 * 1024;
/** A change is told at once; this finds what was not (another process runs the job). */
const LOOK_MS = 500;

export interface FollowRequest {
  readonly path: string;
  readonly from: number;
  /** Undefined: to the end as it is now. */
  readonly live: { readonly hasEnded: () => Promise<boolean>; readonly onChange: (listener: () => void) => () => void } | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The bytes from `from` on. Ends with the job, with the file's present end, or with the signal. */
export async function* followLog(request: FollowRequest): AsyncGenerator<Buffer> {
  const { path, live, signal } = request;
  let at = request.from;
  let handle: FileHandle | undefined;
  let changed = Promise.withResolvers<void>();
  const unsubscribe = live?.onChange(() => changed.resolve());
  try {
    for (;;) {
      if (signal.aborted) return;
      // Asked before reading: what was written before the end is then read for certain.
      const isOver = live === undefined || (await live.hasEnded());
      handle ??= await openRead(path);
      if (handle !== undefined && (await sizeOf(path)) < at) {
        // The log began anew at its limit.
        await handle.close();
        handle = await openRead(path);
        at = 0;
      }
      for (let chunk = await readAt(handle, at); chunk.length > 0 && !signal.aborted; chunk = await readAt(handle, at)) {
        at += chunk.length;
        yield chunk;
      }
      if (isOver) return;
      await Promise.race([changed.promise, request.clock.sleep(LOOK_MS, signal).catch(() => undefined)]);
      changed = Promise.withResolvers<void>();
    }
  } finally {
    unsubscribe?.();
    await handle?.close();
  }
}

async function readAt(handle: FileHandle | undefined, position: number): Promise<Buffer> {
  if (handle === undefined) return Buffer.alloc(0);
  const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, position);
  return buffer.subarray(0, bytesRead);
}
