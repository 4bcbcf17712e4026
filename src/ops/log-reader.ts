/** Reads logs backwards over their rotated files, page by page: the newest lines first. Holds one piece at a time and looks at so many bytes a call, so that
 *  a filter that nothing passes costs no more than one that everything does: `next` then goes on from there.
 *  A cursor names a file by its inode: rotation renames files, and the cursor stays right. */
import { open, stat } from 'node:fs/promises';
import { logFilesOf } from './log-file.ts';
import { matches, readLine, type LineFilter, type ReadLine } from './log-lines.ts';

export interface LogPage {
  /** Newest first. */
  readonly lines: readonly (ReadLine & { readonly id: string; readonly raw: string })[];
  /** Where older ones are; null: there are none. */
  readonly next: string | null;
  /** The time of the oldest line that was looked at. */
  readonly lookedBackTo: string | null;
  /** How long the newest file is: what comes after it is new. */
  readonly end: number;
}

const PIECE_BYTES = 256 * 1024;
const MAX_LOOK_BYTES = 16 * 1024 * 1024;
/** A line longer than this is shown cut. */
const MAX_LINE_CHARS = 16_384;

interface Place {
  readonly inode: number;
  /** Everything before this byte is still to be read. */
  readonly at: number;
}

export async function readLog(path: string, query: { readonly filter: LineFilter; readonly limit: number; readonly after: string | null }): Promise<LogPage> {
  const files = await Promise.all(logFilesOf(path).map(async (name) => ({ name, stat: await stat(name).catch(() => undefined) })));
  const there = files.flatMap(({ name, stat: found }) => (found === undefined ? [] : [{ name, inode: found.ino, size: found.size }]));
  const from = parsePlace(query.after);
  const first = from === undefined ? 0 : there.findIndex(({ inode }) => inode === from.inode);
  const lines: LogPage['lines'][number][] = [];
  let looked = 0;
  let lookedBackTo: string | null = null;
  let next: string | null = null;
  const end = there[0]?.name === path ? there[0].size : 0;
  if (first < 0) return { lines, next, lookedBackTo, end };
  const { sinceMs } = query.filter;
  // Serial: older files are opened only when the newer ones did not fill the page.
  reading: for (const [index, { name, inode, size }] of there.slice(first).entries()) {
    for await (const { raw, at } of linesBackwards(name, index === 0 && from !== undefined ? Math.min(from.at, size) : size)) {
      if (lines.length >= query.limit || looked > MAX_LOOK_BYTES) {
        next = `${inode}:${at + Buffer.byteLength(raw) + 1}`;
        break reading;
      }
      looked += raw.length + 1;
      const line = readLine(raw);
      if (line.at !== null) lookedBackTo = line.at;
      // Lines stand in the order of their times: before `since` there is nothing to find.
      if (sinceMs !== undefined && line.at !== null && Date.parse(line.at) < sinceMs) break reading;
      if (matches(line, raw, query.filter)) lines.push({ ...line, id: `${inode}:${at}`, raw: raw.slice(0, MAX_LINE_CHARS) });
    }
  }
  return { lines, next, lookedBackTo, end };
}

function parsePlace(text: string | null): Place | undefined {
  const found = /^(\d{1,20}):(\d{1,15})$/.exec(text ?? '');
  return found === null ? undefined : { inode: Number(found[1]), at: Number(found[2]) };
}

/** Whole lines before `end`, the last one first. */
async function* linesBackwards(path: string, end: number): AsyncGenerator<{ readonly raw: string; readonly at: number }> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return;
  try {
    let rest: Buffer = Buffer.alloc(0);
    let at = end;
    while (at > 0) {
      const length = Math.min(PIECE_BYTES, at);
      at -= length;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
      const piece = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
      let to = piece.length;
      for (let feed = piece.lastIndexOf(10, to - 1); feed >= 0; feed = to === 0 ? -1 : piece.lastIndexOf(10, to - 1)) {
        if (to > feed + 1) yield { raw: piece.toString('utf8', feed + 1, to), at: at + feed + 1 };
        to = feed;
        if (to === 0) break;
      }
      rest = piece.subarray(0, to);
    }
    if (rest.length > 0) yield { raw: rest.toString('utf8'), at: 0 };
  } finally {
    await file.close();
  }
}
