/** Times of frames, taken inside the page: events are made there, one a frame, so that the driver's own way to the browser is not measured. */
import type { Page } from 'playwright-core';

/** Runs `act(frame)` once a frame. @returns the time of each frame and of its script, ms */
export async function framesOf(page: Page, act: string, frames: number): Promise<{ readonly frame: number[]; readonly script: number[] }> {
  return await page.evaluate(`new Promise((done) => {
    const act = ${act};
    const frame = [], script = [];
    let last, count = 0;
    const step = (now) => {
      if (last !== undefined) frame.push(now - last);
      last = now;
      if (count++ >= ${frames}) return done({ frame, script });
      const begun = performance.now();
      act(count);
      script.push(performance.now() - begun);
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`);
}

/** For `framesOf`: a page with nothing in it that is painted anew at each frame. */
export const REPAINT = '(n) => { document.documentElement.style.background = n % 2 ? "#111" : "#112"; }';

/** All script of a page while frames are drawn: what runs in its own callbacks too. @returns ms a frame */
export async function scriptOf(page: Page, act: string, frames: number): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const spent = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'ScriptDuration')?.value ?? Number.NaN) * 1_000;
  };
  const before = await spent();
  await framesOf(page, act, frames);
  const ms = (await spent()) - before;
  await session.detach();
  return ms / frames;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
