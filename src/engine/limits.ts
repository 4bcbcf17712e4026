/** Limits of what steps may leave and be. Source: CONTRACTS (Limits). */

/** Step output in the row. What is larger is kept as an artifact, with a reference in the row. */
export const MAX_OUTPUT_BYTES = 256 * 1024;
/** What an output may have at all: it is fetched whole where an expression reads it. More belongs into a file. */
export const MAX_LARGE_BYTES = 64 * 1024 * 1024;
/** Steps of one instance; the items of a map times the nodes of its body are checked against it before the map starts. */
export const MAX_STEPS = 1_000_000;
/** Workflows calling workflows. */
export const MAX_DEPTH = 16;

/** Whether JSON text is over the limit of a row; counts bytes only where characters do not decide. */
export function isTooLarge(text: string): boolean {
  return text.length > MAX_OUTPUT_BYTES / 4 && Buffer.byteLength(text) > MAX_OUTPUT_BYTES;
}
