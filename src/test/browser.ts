/** Real Chromium for tests and measurements: started without a network of its own, one fresh context per page. */
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { chromium, type Page } from 'playwright-core';

export interface TestBrowser {
  /** A page in a context of its own (no cookies of others), relative addresses below `baseUrl`. Faults of the page are kept: see `faultsOf`. */
  newPage(baseUrl: string, options?: { readonly width?: number; readonly height?: number; readonly colorScheme?: 'dark' | 'light' }): Promise<Page>;
  close(): Promise<void>;
}

/** Without them Chromium looks for its maker's hosts at every start. */
const QUIET = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const faults = new WeakMap<Page, string[]>();

export async function createBrowser(): Promise<TestBrowser> {
  const executablePath = process.env['STUDIO_CHROMIUM'] ?? '/usr/bin/chromium';
  // Chromium's own sandbox does not start as root.
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const browser = await chromium.launch({ executablePath, args: [...QUIET, ...asRoot] });
  return {
    async newPage(baseUrl, options = {}) {
      const context = await browser.newContext({
        baseURL: baseUrl,
        viewport: { width: options.width ?? 1280, height: options.height ?? 800 },
        colorScheme: options.colorScheme ?? 'dark',
      });
      const page = await context.newPage();
      const seen: string[] = [];
      faults.set(page, seen);
      page.on('pageerror', (error) => seen.push(`error: ${error.message}`));
      page.on('console', (message) => void (message.type() === 'error' && seen.push(`console: ${message.text()} (${message.location().url})`)));
      return page;
    },
    close: () => browser.close(),
  };
}

/** Uncaught errors, and errors on the console, since the page was made; empties the list. */
export function faultsOf(page: Page): string[] {
  return faults.get(page)?.splice(0) ?? [];
}

/** Waits until an expression holds in the page, asked from outside: the page's own policy forbids what `waitForFunction` does when it does not hold at once.
 *  @throws Error when it does not come to that */
export async function inPage(page: Page, expression: string): Promise<void> {
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await page.waitForTimeout(50))
    if ((await page.evaluate(expression)) === true) return;
  throw new Error(`it did not come to that in the page: ${expression}`);
}

export interface Load {
  readonly bytes: number;
  readonly scriptBytes: number;
  readonly requests: number;
  readonly firstContentMs: number;
}

/** Loads `path` with an empty cache and counts what travelled until the network rested. */
export async function measureLoad(page: Page, path: string): Promise<Load> {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  const types = new Map<string, string>();
  const sizes: { type: string; bytes: number }[] = [];
  session.on('Network.responseReceived', (event) => types.set(event.requestId, event.type));
  session.on('Network.loadingFinished', (event) => sizes.push({ type: types.get(event.requestId) ?? '', bytes: event.encodedDataLength }));
  await page.goto(path, { waitUntil: 'networkidle' });
  const firstContentMs = await page.evaluate('performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN');
  const sum = (items: readonly { bytes: number }[]): number => items.reduce((total, item) => total + item.bytes, 0);
  return {
    bytes: sum(sizes),
    scriptBytes: sum(sizes.filter((item) => item.type === 'Script')),
    requests: sizes.length,
    firstContentMs: Number(firstContentMs),
  };
}

export interface AxeFinding {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly string[];
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Accessibility faults of the page as it stands (WCAG 2.2 A and AA). Run in the browser's own world, past the page's CSP. */
export async function findAxeFaults(page: Page): Promise<AxeFinding[]> {
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId } = await session.send('Page.createIsolatedWorld', { frameId: frameTree.frame.id, worldName: 'axe' });
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
      contextId: executionContextId,
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(`axe: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value as unknown;
  };
  await evaluate(`${axeSource}; undefined`);
  const found = await evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((r) => r.violations.map((v) => ({ id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.html.slice(0, 200) + ' — ' + (n.any[0]?.message ?? n.failureSummary ?? '')) })))`,
  );
  await session.detach();
  return found as AxeFinding[];
}
