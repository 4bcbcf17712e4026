/** A map of more than a thousand items in real Chromium: one list that is scrolled anywhere, narrowed to what failed, and gone through by number. */
import { deepEqual, match } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { faultsOf, findAxeFaults, inPage } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';
import { publish, runToEnd } from '../runs.ts';

const body = {
  nodes: [
    { key: 'draw', type: 'branch.if', params: { condition: 'index % 500 = 7' } },
    { key: 'bad', type: 'fail', params: { message: 'an odd one' } },
  ],
  edges: [{ from: 'draw.true', to: 'bad' }],
};
const each = { key: 'each', type: 'map', params: { items: '{{ [1..1200] }}', onItemError: 'continue', body } };

let opened: ClaimedStudio;
let id: string;
before(async () => {
  opened = await openClaimedStudio();
  id = await runToEnd(opened.client, await publish(opened.client, { name: 'Long', nodes: [each] }));
});
after(() => opened.close());

const item = (page: Page, index: number) => page.getByText(`[${index}]`, { exact: true });

for (const look of [
  { tab: 'steps', scroller: '.table-scroll' },
  { tab: 'timeline', scroller: '.timeline-scroll' },
  { tab: 'steps', scroller: '.table-scroll', width: 390, height: 844 },
])
  test(`the items of a long map are gone through in the ${look.tab}, ${look.width ?? 1440} px wide`, async () => {
    const page = await opened.signedIn({ width: 1440, height: 900, ...look });
    await page.goto(`/instances/${id}?tab=${look.tab}`);
    await page.getByRole('button', { name: 'Steps of each', exact: true }).click();
    await item(page, 0).waitFor();
    // Nothing but what is in sight is drawn, and the list is as long as the map.
    await inPage(
      page,
      `document.querySelectorAll('[aria-label^="Steps of each["]').length < 120 && document.querySelector('${look.scroller}').scrollHeight > 1200 * 28`,
    );
    await page.getByLabel('Number of an item of each').fill('900');
    await page.keyboard.press('Enter');
    await item(page, 900).waitFor();
    const row = page.locator('tr, .timeline-row').filter({ has: item(page, 900) });
    await row.getByText('Completed').or(row.getByLabel('Completed')).first().waitFor({ state: 'attached' });
    deepEqual(await findAxeFaults(page), []);

    await page.locator(look.scroller).press('Home');
    await page.getByRole('button', { name: 'Failed 3' }).click();
    await item(page, 1007).waitFor();
    await item(page, 0).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Steps of each[507]', exact: true }).click();
    await page.getByText('bad', { exact: true }).click();
    await page.getByRole('heading', { name: 'each[507]/bad' }).waitFor();
    match(page.url(), /step=each/);
    deepEqual(faultsOf(page), []);
    await page.context().close();
  });
