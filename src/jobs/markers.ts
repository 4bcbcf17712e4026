/** Markers that a job prints on lines of their own: `::progress 0.4::`, `::metric loss=0.52 step=10::`, `::result {"a": 1}::` (the closing colons may be left out).
 *  Pure. One thing to know: it sees every byte a job prints, so that what is no marker must cost next to nothing. */
import type { Progress } from './progress.ts';

export type Marker = { readonly kind: 'told'; readonly progress: Progress } | { readonly kind: 'result'; readonly text: string };

export interface MarkerScanner {
  push(chunk: Buffer): void;
}

/** A longer line is no marker: results beyond it belong in $STUDIO_RESULT. */
export const MAX_MARKER_BYTES = 64 * 1024;
const START = Buffer.from('::');
const NEXT = Buffer.from('\n::');
const NEWLINE = 10;

export function createMarkerScanner(emit: (marker: Marker) => void): MarkerScanner {
  /** The beginning of a line that may be a marker. */
  let open: Buffer | undefined;
  let isInsideLine = false;

  const take = (line: Buffer): void => {
    const marker = line.length <= MAX_MARKER_BYTES ? parseMarker(line.toString()) : undefined;
    if (marker !== undefined) emit(marker);
  };
  /** @returns where the next line begins; undefined: not in this chunk */
  const endOfOpen = (chunk: Buffer): number | undefined => {
    const end = chunk.indexOf(NEWLINE);
    if (open !== undefined) {
      const line = Buffer.concat([open, end < 0 ? chunk.subarray(0, MAX_MARKER_BYTES + 1) : chunk.subarray(0, end)]);
      open = end < 0 && mayBeMarker(line) ? line : undefined;
      if (end >= 0) take(line);
      isInsideLine = end < 0 && open === undefined;
    }
    return end < 0 ? undefined : end + 1;
  };
  return {
    push(chunk) {
      let at: number | undefined = open === undefined && !isInsideLine ? 0 : endOfOpen(chunk);
      if (at === undefined) return;
      isInsideLine = false;
      for (;;) {
        if (!chunk.subarray(at, at + 2).equals(START)) {
          const next: number = chunk.indexOf(NEXT, at);
          if (next < 0) break;
          at = next + 1;
        }
        const end: number = chunk.indexOf(NEWLINE, at);
        if (end < 0) break;
        take(chunk.subarray(at, end));
        at = end + 1;
      }
      const last = chunk.lastIndexOf(NEWLINE);
      const rest = chunk.subarray(Math.max(last + 1, at));
      if (rest.length === 0) return;
      if (mayBeMarker(rest)) open = Buffer.from(rest);
      else isInsideLine = true;
    },
  };
}

function mayBeMarker(line: Buffer): boolean {
  return line.length <= MAX_MARKER_BYTES && START.subarray(0, line.length).equals(line.subarray(0, START.length));
}

/** @returns undefined for any other line */
export function parseMarker(line: string): Marker | undefined {
  const [, kind, body = ''] = /^::(progress|metric|result)\s+(.*?)(?:::)?\s*$/s.exec(line) ?? [];
  if (kind === 'result') return { kind, text: body };
  if (kind === 'progress') {
    const [, number = '', percent] = /^(\d+(?:\.\d+)?|\.\d+)\s*(%?)(?:\s|$)/.exec(body) ?? [];
    return number === '' ? undefined : { kind: 'told', progress: { progress: Math.min(1, Number(number) / (percent === '%' ? 100 : 1)) } };
  }
  if (kind !== 'metric') return undefined;
  const pairs = [...body.matchAll(/([A-Za-z_][\w./-]{0,63})\s*=\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?=[\s,;]|$)/g)];
  const metrics = Object.fromEntries(pairs.map(([, name = '', value]) => [name, Number(value)] as const).filter(([, value]) => Number.isFinite(value)));
  return Object.keys(metrics).length === 0 ? undefined : { kind: 'told', progress: { metrics } };
}
