/** Lines as a terminal shows them at last: what a carriage return rewrote is left out (progress bars). Bytes in, bytes out; memory is one line. */

/** Of a line without an end, the beginning is dropped: what a bar rewrote a million times is no longer than this. */
const MAX_OPEN_BYTES = 1024 * 1024;
const NEWLINE = 10;
const RETURN = 13;

export async function* collapseLines(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let open = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = open.length === 0 ? chunk : Buffer.concat([open, chunk]);
    const whole = bytes.lastIndexOf(NEWLINE) + 1;
    if (whole > 0) yield collapsed(bytes.subarray(0, whole));
    open = Buffer.from(lastRewrite(bytes.subarray(whole)));
    if (open.length > MAX_OPEN_BYTES) {
      yield open;
      open = Buffer.alloc(0);
    }
  }
  if (open.length > 0) yield lastRewrite(open);
}

function collapsed(lines: Buffer): Buffer {
  if (!lines.includes(RETURN)) return lines;
  const kept: Buffer[] = [];
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(NEWLINE, at);
    kept.push(lastRewrite(lines.subarray(at, end)), lines.subarray(end, end + 1));
    at = end + 1;
  }
  return Buffer.concat(kept);
}

/** What follows the last return that something follows. */
function lastRewrite(line: Buffer): Buffer {
  let end = line.length;
  while (end > 0 && line[end - 1] === RETURN) end--;
  const at = end === 0 ? -1 : line.lastIndexOf(RETURN, end - 1);
  return line.subarray(at + 1);
}
