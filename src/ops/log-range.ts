/** A stretch of a log file for who follows it. */
import { open } from 'node:fs/promises';

/** At most `maxBytes` from `from` on, and how long the log is now. A log that is not there yet is empty. */
export async function readLogRange(path: string, from: number, maxBytes: number): Promise<{ readonly bytes: Buffer; readonly size: number }> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return { bytes: Buffer.alloc(0), size: 0 };
  try {
    const { size } = await file.stat();
    const length = Math.max(0, Math.min(maxBytes, size - from));
    if (length === 0) return { bytes: Buffer.alloc(0), size };
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    return { bytes: buffer.subarray(0, bytesRead), size };
  } finally {
    await file.close();
  }
}
