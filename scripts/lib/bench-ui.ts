/** What a browser fetches at the first load of the UI: bytes as they travel, requests, and the time to the first content. */
import { createBrowser, measureLoad } from '../../src/test/browser.ts';
import { claimStudio, createStudio, owner } from '../../src/test/studio-process.ts';
import type { Measure } from './bench-table.ts';

export async function measureUi(runs: number): Promise<readonly Measure[]> {
  const studio = await createStudio();
  const browser = await createBrowser();
  const loads: Awaited<ReturnType<typeof measureLoad>>[] = [];
  try {
    await studio.start();
    await claimStudio(studio);
    for (let run = 0; run < runs; run++) {
      const page = await browser.newPage(studio.url);
      const signedIn = await page.request.post('/api/v1/auth/login', {
        data: { email: owner.email, password: owner.password },
        headers: { 'x-studio-client': 'web', origin: studio.url },
      });
      if (!signedIn.ok()) throw new Error(`signing in answered ${signedIn.status()}: ${await signedIn.text()}`);
      loads.push(await measureLoad(page, '/'));
      await page.context().close();
    }
  } finally {
    await browser.close();
    await studio.destroy();
  }
  return [
    { name: 'first load, JavaScript (gzipped)', unit: 'KiB', values: loads.map((load) => load.scriptBytes / 1024), target: '≤ 80' },
    { name: 'first load, all files', unit: 'KiB', values: loads.map((load) => load.bytes / 1024) },
    { name: 'first load, requests', unit: '', values: loads.map((load) => load.requests) },
    { name: 'first load → first content', unit: 'ms', values: loads.map((load) => load.firstContentMs) },
  ];
}
