/** What a job says of its progress: the last whole line of `$STUDIO_PROGRESS`. Pure, but for one bounded read. */
import { openForeign } from './job-folder.ts';

export interface Progress {
  /** 0 to 1. */
  readonly progress?: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

const TAIL_BYTES = 4_096;
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

/** The last whole line, when the file grew beyond `seenBytes`. */
export async function readProgress(
  path: string,
  uid: number | undefined,
  seenBytes: number,
): Promise<{ readonly bytes: number; readonly progress: Progress | undefined } | undefined> {
  const opened = await openForeign(path, uid);
  if (opened === undefined) return undefined;
  try {
    if (opened.bytes <= seenBytes) return undefined;
    const start = Math.max(0, opened.bytes - TAIL_BYTES);
    const { bytesRead, buffer } = await opened.handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const text = buffer.subarray(0, bytesRead).toString();
    const line = text
      .slice(0, text.lastIndexOf('\n') + 1)
      .trimEnd()
      .split('\n')
      .at(-1);
    return { bytes: opened.bytes, progress: line === undefined || line === '' ? undefined : parseProgress(line) };
  } finally {
    await opened.handle.close();
  }
}
