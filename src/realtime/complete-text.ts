/** Bytes of UTF-8 as text, cut where a character ends. Pure. */

/** A character is at most so long. */
const MAX_CHARACTER_BYTES = 4;

/** The text of as many bytes as make whole characters; what is no UTF-8 becomes the replacement character.
 *  @param isLast nothing follows: a character that was cut is taken as it is */
export function completeText(bytes: Buffer, isLast: boolean): { readonly text: string; readonly length: number } {
  const length = isLast ? bytes.length : wholeLength(bytes);
  return { text: bytes.toString('utf8', 0, length), length };
}

function wholeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(MAX_CHARACTER_BYTES, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    // A byte that goes on with a character: its first one stands before it.
    if ((byte & 0xc0) === 0x80) continue;
    return lengthBy(byte) > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Of the character that begins with this byte. */
function lengthBy(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}
