/** Limits of what a step may leave. Source: CONTRACTS (Limits). */

/** Step output in the row. What is larger is refused by name: it belongs into a file, and its path into the output. */
export const MAX_OUTPUT_BYTES = 256 * 1024;

/** Whether JSON text is over the limit; counts bytes only where characters do not decide. */
export function isTooLarge(text: string): boolean {
  return text.length > MAX_OUTPUT_BYTES / 4 && Buffer.byteLength(text) > MAX_OUTPUT_BYTES;
}
