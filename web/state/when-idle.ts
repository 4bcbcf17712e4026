/** Work that nobody waits for, once the page has come to rest. Where the browser can't tell, after a moment. */

const MOMENT_MS = 1_000;

/** @returns a function that lets it be */
export function whenIdle(work: () => void): () => void {
  if (typeof window.requestIdleCallback !== 'function') {
    const timer = setTimeout(work, MOMENT_MS);
    return () => clearTimeout(timer);
  }
  const asked = window.requestIdleCallback(work);
  return () => window.cancelIdleCallback(asked);
}
