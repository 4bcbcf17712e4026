/** A growing log as lines: chunks in, lines out, the oldest dropped beyond a bound. Pure. */

export interface LogLines {
  readonly lines: readonly string[];
  /** The last line, not ended yet. */
  readonly open: string;
  /** Lines dropped at the start. */
  readonly dropped: number;
}

export const noLines: LogLines = { lines: [], open: '', dropped: 0 };

/** Lines kept: what a person scrolls through; the whole log is a download away. */
export const MAX_LINES = 50_000;

// A line without an end must not grow for ever.
const MAX_OPEN_CHARS = 100_000;

/** Adds a chunk. A carriage return inside a line starts it over, as a terminal does (progress bars). */
export function appendLog(log: LogLines, chunk: string): LogLines {
  const parts = (log.open + chunk).split('\n');
  const last = parts.pop() ?? '';
  const overlong = last.length > MAX_OPEN_CHARS;
  const open = overlong ? '' : last;
  const lines = [...log.lines, ...parts.map(overwritten), ...(overlong ? [overwritten(last)] : [])];
  const excess = Math.max(0, lines.length - MAX_LINES);
  return { lines: excess > 0 ? lines.slice(excess) : lines, open, dropped: log.dropped + excess };
}

/** All lines, the open one included when it holds something. */
export function shownLines(log: LogLines): readonly string[] {
  return log.open === '' ? log.lines : [...log.lines, overwritten(log.open)];
}

function overwritten(line: string): string {
  const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
  return whole.slice(whole.lastIndexOf('\r') + 1);
}
