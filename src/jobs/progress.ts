/** What a job says of its progress: lines of `$STUDIO_PROGRESS`. Pure, but for one bounded read. */
import { openForeign } from './job-folder.ts';

export interface Progress {
  /** 0 to 1. */
  readonly progress?: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** At one look: a job that tells more in a second is thinned. */
const LOOK_BYTES = 1024 * 1024;
const MAX_METRICS = 50;

/** `0.42`, `42%`, or `{"progress": 0.42, "loss": 1.3}`. @returns undefined for anything else */
export function parseProgress(line: string): Progress | undefined {
  const text = line.trim();
  const percent = /^(\d{1,3}(?:\.\d+)?)\s*%$/.exec(text)?.[1];
  if (percent !== undefined) return { progress: clamp(Number(percent) / 100) };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // A line that is no number and no JSON says nothing.
  }
  if (typeof value === 'number') return Number.isFinite(value) ? { progress: clamp(value) } : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { progress, ...rest } = value as Record<string, unknown>;
  const metrics = Object.entries(rest).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]) && entry[0].length <= 64,
  );
  return {
    ...(typeof progress === 'number' && Number.isFinite(progress) ? { progress: clamp(progress) } : {}),
    ...(metrics.length === 0 ? {} : { metrics: Object.fromEntries(metrics.slice(0, MAX_METRICS)) }),
  };
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** What the whole lines beyond `seenBytes` say, in order; of very many the last. */
export async function readProgress(
  path: string,
  uid: number | undefined,
  seenBytes: number,
): Promise<{ readonly bytes: number; readonly told: readonly Progress[] } | undefined> {
  const opened = await openForeign(path, uid);
  if (opened === undefined) return undefined;
  try {
    // Shorter than before: it was written anew.
    const seen = opened.bytes < seenBytes ? 0 : seenBytes;
    if (opened.bytes === seen) return undefined;
    const start = Math.max(seen, opened.bytes - LOOK_BYTES);
    const { bytesRead, buffer } = await opened.handle.read(Buffer.alloc(opened.bytes - start), 0, opened.bytes - start, start);
    const whole = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    const lines = buffer.subarray(0, whole).toString().split('\n');
    // The first one may be the rest of a line.
    const told = lines.slice(start > seen ? 1 : 0).map(parseProgress);
    return { bytes: start + whole, told: told.filter((one) => one !== undefined) };
  } finally {
    await opened.handle.close();
  }
}
