/** "Soon" in a browser: with the next frame, or shortly when the tab is hidden and draws none. */

// A hidden tab has no frames; its state still follows, more lazily.
const HIDDEN_MS = 250;

export function nextFrame(run: () => void): () => void {
  if (document.visibilityState === 'hidden') {
    const timer = setTimeout(run, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  const done = (): void => {
    stop();
    run();
  };
  const frame = requestAnimationFrame(done);
  // Should the tab be hidden before the frame comes.
  const timer = setTimeout(done, HIDDEN_MS);
  const stop = (): void => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
  return stop;
}
