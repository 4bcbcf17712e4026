/** A growing log as lines, each with the byte at which it begins: text in, lines out, bounded. Pure. */

export interface LogLines {
  readonly lines: readonly string[];
  /** Byte of the log at which each line begins; as many as lines. */
  readonly starts: readonly number[];
  /** The last line, not ended yet, and where it begins. */
  readonly open: string;
  readonly openAt: number;
  /** Lines dropped at the start. */
  readonly dropped: number;
}

/** What came of a log. */
export interface LogText {
  readonly text: string;
  /** The byte at which it begins. */
  readonly at: number;
  /** Not of the log, but about this place in it. */
  readonly isNote?: boolean;
}

/** Lines kept: what a person scrolls through; what was dropped is read again where somebody scrolls to it. */
export const MAX_LINES = 50_000;

/** Of very long lines fewer are kept. */
const MAX_BYTES = 32 * 1024 * 1024;

// A line without an end must not grow for ever.
const MAX_OPEN_CHARS = 100_000;

/** The log from a byte on, before anything of it came. */
export const noLines = (at = 0): LogLines => ({ lines: [], starts: [], open: '', openAt: at, dropped: 0 });

/** Adds what came. A carriage return inside a line starts it over, as a terminal does (progress bars). */
export function appendLog(log: LogLines, { text, at, isNote = false }: LogText): LogLines {
  const pieces = text.split('\n');
  const last = pieces.pop() ?? '';
  const lines = [...log.lines];
  const starts = [...log.starts];
  let { open } = log;
  let start = open === '' ? at : log.openAt;
  // Each text says where it begins: what could not be decoded shifts no line beyond its own text.
  let next = at;
  for (const piece of pieces) {
    lines.push(overwritten(open + piece));
    starts.push(start);
    open = '';
    if (!isNote) next += utf8Bytes(piece) + 1;
    start = next;
  }
  open += last;
  if (open.length > MAX_OPEN_CHARS) {
    lines.push(overwritten(open));
    starts.push(start);
    open = '';
    start = next + utf8Bytes(last);
  }
  return dropOldest({ lines, starts, open, openAt: start, dropped: log.dropped });
}

/** Whole lines of a part of the log, read as bytes. */
export function linesOf(raw: Uint8Array, at: number): Pick<LogLines, 'lines' | 'starts'> {
  const starts: number[] = [];
  for (let start = 0; start < raw.length;) {
    starts.push(at + start);
    const end = raw.indexOf(10, start);
    start = end < 0 ? raw.length : end + 1;
  }
  const texts = new TextDecoder().decode(raw).split('\n');
  if (texts.at(-1) === '') texts.pop();
  return { lines: texts.map(overwritten), starts };
}

/** Fewer lines from the start, when there are more than are kept. */
export function dropOldest(log: LogLines): LogLines {
  const least = (log.starts.at(-1) ?? 0) - MAX_BYTES;
  let excess = Math.max(0, log.lines.length - MAX_LINES);
  while ((log.starts[excess] ?? least) < least) excess += 1;
  if (excess === 0) return log;
  return { ...log, lines: log.lines.slice(excess), starts: log.starts.slice(excess), dropped: log.dropped + excess };
}

/** All lines, the open one included when it holds something. */
export function shownLines(log: LogLines): readonly string[] {
  return log.open === '' ? log.lines : [...log.lines, overwritten(log.open)];
}

/** Where they begin. */
export function shownStarts(log: LogLines): readonly number[] {
  return log.open === '' ? log.starts : [...log.starts, log.openAt];
}

function overwritten(line: string): string {
  const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
  return whole.slice(whole.lastIndexOf('\r') + 1);
}

function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    // A pair of surrogates is four bytes: two for each.
    if (code > 0x7f) bytes += code > 0x7ff && (code < 0xd800 || code > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
