/** People: invited by a link, new or with an account of their own, in two browsers; going between organisations; shut out for a while. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsOf, findAxeFaults } from '../browser.ts';
import { openClaimedStudio, signIn, type ClaimedStudio } from '../claimed-studio.ts';
import { mailReceiver, type MailReceiver } from '../receiver.ts';

const PASSWORD = 'seven words nobody else would think of';
let opened: ClaimedStudio;
let mail: MailReceiver;
let page: Page;
before(async () => {
  mail = await mailReceiver();
  opened = await openClaimedStudio({ env: { SMTP_URL: mail.url, SMTP_FROM: 'studio@example.com' } });
  page = await opened.signedIn();
});
after(async () => {
  await opened.close();
  await mail.close();
});

/** Invites by the dialog. @returns the link that is shown once */
async function invite(email: string): Promise<string> {
  await page.goto('/settings/members');
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('E-mail').fill(email);
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
  await dialog.getByText(`The link was sent to ${email}`).waitFor();
  const link = (await dialog.getByLabel('Invitation link').textContent()) ?? '';
  await dialog.getByRole('button', { name: 'Done' }).click();
  return link.trim();
}

test('somebody new is invited by e-mail, makes an account in another browser, and is a member', async () => {
  const link = await invite('guest@example.com');
  await page.getByRole('row', { name: /guest@example\.com.*Invited.*Owner/ }).waitFor();
  deepEqual(await findAxeFaults(page), []);
  const [sent] = mail.mailed;
  const text = (sent?.source ?? '').replaceAll(/=\r?\n/g, '').replaceAll('=3D', '=');
  deepEqual(sent?.to, ['guest@example.com']);
  match(text, /Owner invites you to Default on Studio/);
  equal(/#token=[\w-]+/.exec(text)?.[0], new URL(link).hash);

  const guest = await opened.browser.newPage(opened.studio.url);
  await guest.goto(link);
  await guest.getByRole('heading', { name: 'Join Default' }).waitFor();
  equal(new URL(guest.url()).hash, '');
  deepEqual(await findAxeFaults(guest), []);
  await guest.getByLabel('Name', { exact: true }).fill('Guest');
  await guest.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await guest.getByRole('button', { name: 'Create the account' }).click();
  await guest.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();

  // The other browser sees it without being asked.
  await page.getByRole('row', { name: /Guest.*Active/ }).waitFor();
  await page.getByRole('row', { name: /guest@example\.com.*Invited/ }).waitFor({ state: 'detached' });
  const again = await opened.browser.newPage(opened.studio.url);
  await again.goto(link);
  await again.getByRole('heading', { name: 'This invitation can’t be used' }).waitFor();
  deepEqual(faultsOf(page), []);
  await again.context().close();
  await guest.context().close();
});

test('who has an account elsewhere logs in, joins, and goes between the organisations', async () => {
  const made = await opened.client.expect(201, 'POST', '/api/v1/orgs', { name: 'Elsewhere', admin: { email: 'ada@example.com', name: 'Ada' } });
  const link = await invite('ada@example.com');
  const ada = await opened.browser.newPage(opened.studio.url);
  await ada.goto(link);
  await ada.getByRole('button', { name: 'I have an account' }).click();
  await ada.getByLabel('Password', { exact: true }).fill(String(made['temporaryPassword']));
  await ada.getByRole('button', { name: 'Log in' }).click();
  await ada.getByLabel('Current password').fill(String(made['temporaryPassword']));
  await ada.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await ada.getByRole('button', { name: 'Change the password' }).click();
  await ada.getByRole('button', { name: 'Join Default' }).click();
  await ada.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  await ada.getByRole('button', { name: 'Account' }).click();
  // Where one went, the page begins anew: its name is in the menu.
  await Promise.all([ada.waitForEvent('load'), ada.getByRole('menuitem', { name: 'Elsewhere' }).click()]);
  await ada.goto('/settings/members');
  await ada.getByRole('row', { name: /Ada.*You/ }).waitFor();
  equal(await ada.getByRole('row', { name: /Owner/ }).count(), 0);
  await ada.context().close();
});

test('an invitation is sent again, which voids the link before, and revoked', async () => {
  const first = await invite('later@example.com');
  await page.getByRole('button', { name: 'Actions for later@example.com' }).click();
  await page.getByRole('menuitem', { name: 'Send a new link' }).click();
  const dialog = page.getByRole('dialog');
  const second = ((await dialog.getByLabel('Invitation link').textContent()) ?? '').trim();
  await dialog.getByRole('button', { name: 'Done' }).click();
  const other = await opened.browser.newPage(opened.studio.url);
  await other.goto(first);
  await other.getByRole('heading', { name: 'This invitation can’t be used' }).waitFor();
  await page.getByRole('button', { name: 'Actions for later@example.com' }).click();
  await page.getByRole('menuitem', { name: 'Revoke…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('row', { name: /later@example\.com/ }).waitFor({ state: 'detached' });
  await other.goto('about:blank');
  await other.goto(second);
  await other.getByRole('heading', { name: 'This invitation can’t be used' }).waitFor();
  deepEqual(faultsOf(page), []);
  await other.context().close();
});

test('a person is suspended with a reason, is out at once, and is let in again', async () => {
  await page.goto('/settings/members');
  const guest = await opened.browser.newPage(opened.studio.url);
  await signIn(guest, { email: 'guest@example.com', password: PASSWORD });
  await page.getByRole('button', { name: 'Actions for Guest' }).click();
  await page.getByRole('menuitem', { name: 'Suspend…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('on leave');
  await dialog.getByRole('button', { name: 'Suspend' }).click();
  await page.getByRole('row', { name: /Guest.*Suspended/ }).waitFor();
  await guest.getByText('Your session has ended').waitFor();
  await page.getByRole('button', { name: 'Actions for Guest' }).click();
  await page.getByRole('menuitem', { name: 'Let in again' }).click();
  await page.getByRole('row', { name: /Guest.*Active/ }).waitFor();
  await signIn(guest, { email: 'guest@example.com', password: PASSWORD });
  deepEqual(faultsOf(page), []);
  await guest.context().close();
});
