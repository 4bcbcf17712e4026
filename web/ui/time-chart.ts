/** Round times for the axis of a chart. Pure. */

// Steps that a person reads on a clock, minutes.
const STEPS_MIN = [5, 10, 15, 30, 60, 120, 180, 360, 720];

/** Round times inside the span, oldest first: `most` at the most. @param offsetMs of the reader's zone from UTC, so that hours are round there */
export function timeTicks(span: { readonly fromMs: number; readonly toMs: number }, most: number, offsetMs: number): readonly number[] {
  const stepMs = (STEPS_MIN.find((step) => (span.toMs - span.fromMs) / (step * 60_000) <= most) ?? 1_440) * 60_000;
  const first = Math.ceil((span.fromMs + offsetMs) / stepMs) * stepMs - offsetMs;
  const count = Math.max(0, Math.floor((span.toMs - first) / stepMs) + 1);
  return Array.from({ length: count }, (_, index) => first + index * stepMs);
}
