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

/** Adds a person with a password of their own to the owner's organisation. */
export async function addPerson(opened: ClaimedStudio, person: { readonly email: string; readonly name: string; readonly password: string }): Promise<void> {
  const { email, name, password } = person;
  const made = await opened.client.expect(201, 'POST', '/api/v1/orgs/current/members', { email, name });
  const page = await opened.browser.newPage(opened.studio.url);
  await page.goto('/');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(String(made['temporaryPassword']));
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByLabel('Current password').fill(String(made['temporaryPassword']));
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Change the password' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await page.context().close();
}

/** Signs somebody in by the form, the owner unless told otherwise, and forgets what the page complained of before: that nobody is signed in is a fault on its console. */
export async function signIn(page: Page, person: { readonly email: string; readonly password: string } = owner): Promise<void> {
  await page.goto('/');
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  faultsOf(page);
}
