/** What tests of pages begin with: a claimed Studio of its own, and a browser in which its owner signs in. */
import type { Page } from 'playwright-core';
import type { ApiClient } from './api-client.ts';
import { createBrowser, faultsOf, type TestBrowser } from './browser.ts';
import { claimStudio, createStudio, owner, type Studio, type StudioOptions } from './studio-process.ts';

export interface ClaimedStudio {
  readonly studio: Studio;
  readonly browser: TestBrowser;
  /** The owner's, with an API key for everything. */
  readonly client: ApiClient;
  /** A page of its own on which the owner is signed in. */
  signedIn(look?: Parameters<TestBrowser['newPage']>[1]): Promise<Page>;
  close(): Promise<void>;
}

/** Starts and claims it. Close it in `after`. */
export async function openClaimedStudio(options: StudioOptions = {}): Promise<ClaimedStudio> {
  const studio = await createStudio(options);
  await studio.start();
  const client = await claimStudio(studio);
  const browser = await createBrowser();
  return {
    studio,
    browser,
    client,
    async signedIn(look) {
      const page = await browser.newPage(studio.url, look);
      await signIn(page);
      return page;
    },
    async close() {
      await browser.close();
      await studio.destroy();
    },
  };
}

/** Signs the owner in by the form, and forgets what the page complained of before: that nobody is signed in is a fault on its console. */
export async function signIn(page: Page): Promise<void> {
  await page.goto('/');
  await page.getByLabel('E-mail').fill(owner.email);
  await page.getByLabel('Password', { exact: true }).fill(owner.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  faultsOf(page);
}
