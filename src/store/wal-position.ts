/** Positions in PostgreSQL's write-ahead log: numbers that count bytes since the cluster began, and the names its files have. Pure. */

/** Bytes of one segment of the log; what initdb makes. */
export const SEGMENT_BYTES = 16 * 1024 * 1024;

/** A position as PostgreSQL writes it: `0/3000060`. @throws Error when it is none */
export function parseLsn(text: string): bigint {
  const parts = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (parts === null) throw new Error(`"${text.slice(0, 40)}" is no position in a write-ahead log.`);
  return (BigInt(`0x${parts[1]}`) << 32n) | BigInt(`0x${parts[2]}`);
}

export function formatLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;
}

/** Where the segment begins that holds `lsn`. */
export function segmentStart(lsn: bigint): bigint {
  return lsn - (lsn % BigInt(SEGMENT_BYTES));
}

/** The name of the segment that begins at `start`: timeline, then its number in two parts. */
export function segmentName(timeline: number, start: bigint): string {
  const number = start / BigInt(SEGMENT_BYTES);
  const perPart = 0x1_0000_0000n / BigInt(SEGMENT_BYTES);
  return [BigInt(timeline), number / perPart, number % perPart].map((part) => part.toString(16).toUpperCase().padStart(8, '0')).join('');
}

/** `00000002.history`: what says where a timeline left its parent. */
export function historyName(timeline: number): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}
