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
const AFTER_NEWLINE = Buffer.from('\n::');
const AFTER_RETURN = Buffer.from('\r::');
const NEWLINE = 10;
const RETURN = 13;

/** A carriage return ends a line too: what follows a progress bar stands at the beginning of one. */
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
    const end = endOfLine(chunk, 0);
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
      let at = open === undefined && !isInsideLine ? 0 : endOfOpen(chunk);
      if (at === undefined) return;
      isInsideLine = false;
      const starts = startsIn(chunk);
      for (;;) {
        if (!chunk.subarray(at, at + 2).equals(START)) {
          const next = starts(at);
          if (next === undefined) break;
          at = next;
        }
        const end = endOfLine(chunk, at);
        if (end < 0) break;
        take(chunk.subarray(at, end));
        at = end + 1;
      }
      const last = Math.max(chunk.lastIndexOf(NEWLINE), chunk.lastIndexOf(RETURN));
      const rest = chunk.subarray(Math.max(last + 1, at));
      if (rest.length === 0) return;
      if (mayBeMarker(rest)) open = Buffer.from(rest);
      else isInsideLine = true;
    },
  };
}

function endOfLine(chunk: Buffer, at: number): number {
  const newline = chunk.indexOf(NEWLINE, at);
  const carriage = (newline < 0 ? chunk : chunk.subarray(0, newline)).indexOf(RETURN, at);
  return carriage < 0 ? newline : carriage;
}

/** Where the next line from `at` on begins with colons. Either kind of line end is looked for once, however often it is asked. */
function startsIn(chunk: Buffer): (at: number) => number | undefined {
  const found = [AFTER_NEWLINE, AFTER_RETURN].map((needle) => ({ needle, at: -2 }));
  return (from) => {
    for (const one of found) if (one.at !== -1 && one.at < from) one.at = chunk.indexOf(one.needle, from);
    const next = found.filter((one) => one.at >= 0).map((one) => one.at);
    return next.length === 0 ? undefined : Math.min(...next) + 1;
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
