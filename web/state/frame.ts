/** "Soon" in a browser: with the next frame, or shortly when the tab is hidden and draws none. */

// A hidden tab has no frames; its state still follows, more lazily.
const HIDDEN_MS = 250;

export function nextFrame(run: () => void): () => void {
  if (document.visibilityState === 'hidden') {
    const timer = setTimeout(run, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  const done = (): void => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    run();
  };
  const frame = requestAnimationFrame(done);
  // Should the tab be hidden before the frame comes.
  timer = setTimeout(done, HIDDEN_MS);
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}
