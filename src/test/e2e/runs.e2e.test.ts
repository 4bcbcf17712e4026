/** The pages of runs in real Chromium: the list with its chart and batches, the timeline, actions on steps, comparing, approvals, the page to share. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { itemsOf, type ApiClient } from '../api-client.ts';
import { faultsOf, findAxeFaults, inPage } from '../browser.ts';
import { openClaimedStudio, type ClaimedStudio } from '../claimed-studio.ts';

let opened: ClaimedStudio;
let client: ApiClient;
before(async () => {
  opened = await openClaimedStudio();
  ({ client } = opened);
});
after(() => opened.close());

const signedIn = (look: Parameters<ClaimedStudio['signedIn']>[0] = {}): Promise<Page> => opened.signedIn({ width: 1440, height: 900, ...look });

async function publish(name: string, nodes: readonly object[], edges: readonly object[] = [], more: object = {}): Promise<string> {
  return String((await client.expect(201, 'POST', '/api/v1/workflows', { name, nodes, edges, ...more }))['id']);
}

/** Starts one and waits until it has ended. */
async function ended(workflowId: string, body: object = {}): Promise<string> {
  return String((await client.expect(200, 'POST', `/api/v1/workflows/${workflowId}/instances?wait=30`, body))['id']);
}

async function finish(page: Page): Promise<void> {
  deepEqual(faultsOf(page), []);
  await page.context().close();
}

test('a run is watched on its timeline: maps fold with counts, attempts stand apart, and the axis is dragged closer', async () => {
  const id = await ended(
    await publish(
      'Watched',
      [
        { key: 'flaky', type: 'code.js', params: { source: 'throw new Error("no")' }, retry: { maxAttempts: 2, backoffMs: 200 }, onError: 'continue' },
        {
          key: 'each',
          type: 'map',
          params: { items: '{{ [1..20] }}', body: { nodes: [{ key: 'draw', type: 'set', params: { values: { n: '{{ item }}' } } }], edges: [] } },
        },
      ],
      [{ from: 'flaky', to: 'each' }],
    ),
  );
  const page = await signedIn();
  await page.goto(`/instances/${id}?tab=timeline`);
  const region = page.getByRole('region', { name: 'Timeline' });
  await region.getByText('20 completed').waitFor();
  equal(await region.locator('.timeline-row', { hasText: 'flaky' }).locator('.timeline-bar:not(.timeline-bar-wait)').count(), 2);
  await region.getByRole('button', { name: 'Steps of each' }).click();
  await region.getByText('[19]', { exact: true }).waitFor();
  await region.getByRole('button', { name: 'Steps of each[0]' }).click();
  await region.getByText('draw', { exact: true }).click();
  await page.getByRole('heading', { name: 'each[0]/draw' }).waitFor();
  match(page.url(), /step=each/);

  await page.keyboard.press('p');
  await page.getByText(/critical path/).waitFor();
  const axis = await page.locator('.timeline-axis-track').boundingBox();
  ok(axis !== null);
  await page.mouse.move(axis.x + axis.width * 0.2, axis.y + 5);
  await page.mouse.down();
  await page.mouse.move(axis.x + axis.width * 0.6, axis.y + 5, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('button', { name: 'All of it' }).click();
  deepEqual(await findAxeFaults(page), []);
  await finish(page);
});

test('a step is run again, given another result, and its attempts are compared', async () => {
  const id = await ended(
    await publish(
      'Acted on',
      [
        { key: 'roll', type: 'code.js', params: { source: 'return { at: Date.now() };' } },
        { key: 'last', type: 'set', params: { values: { seen: '{{ steps.roll.output.at }}' } } },
      ],
      [{ from: 'roll', to: 'last' }],
    ),
  );
  const page = await signedIn();
  await page.goto(`/instances/${id}?tab=steps&step=roll`);
  await page.getByRole('button', { name: /^Run this step again/ }).click();
  await page.getByText(/Runs again/).waitFor();
  await page.getByRole('tab', { name: 'Attempts' }).click();
  const differences = page.getByRole('list', { name: 'Differences of the output' });
  await differences.getByText('at', { exact: true }).waitFor();

  await page.getByRole('button', { name: 'Actions of roll' }).click();
  await page.getByRole('menuitem', { name: 'Edit the result…' }).click();
  await page.getByLabel('Output (JSON)').fill('{ "at": ');
  await page.locator('.field-fault').waitFor();
  await page.getByLabel('Output (JSON)').fill('{ "at": 42 }');
  await page.getByRole('button', { name: 'Keep this result' }).click();
  await page.getByText(/Kept/).waitFor();
  await differences.getByText('42', { exact: true }).waitFor();
  await finish(page);
});

test('one item of a map is run again by itself', async () => {
  const source = 'if (index === 1) throw new Error("bad"); return { ok: true };';
  const id = await ended(
    await publish('Items', [
      {
        key: 'each',
        type: 'map',
        params: { items: '{{ [1..3] }}', onItemError: 'continue', body: { nodes: [{ key: 'draw', type: 'code.js', params: { source } }], edges: [] } },
      },
    ]),
  );
  const page = await signedIn();
  await page.goto(`/instances/${id}?tab=timeline&step=${encodeURIComponent('each[1]')}`);
  await page.getByRole('button', { name: /^Run this item again/ }).click();
  await page.getByText(/Runs again/).waitFor();
  await page.getByRole('tab', { name: 'Steps' }).click();
  await page.getByText('1 failed, 2 completed').waitFor();
  await finish(page);
});

test('two runs are compared step by step', async () => {
  const workflowId = await publish(
    'Compared',
    [
      { key: 'check', type: 'branch.if', params: { condition: 'input.rows > 10' } },
      { key: 'many', type: 'noop' },
      { key: 'few', type: 'noop' },
    ],
    [
      { from: 'check.true', to: 'many' },
      { from: 'check.false', to: 'few' },
    ],
  );
  const first = await ended(workflowId, { input: { rows: 50 } });
  const second = await ended(workflowId, { input: { rows: 5 } });
  const page = await signedIn();
  await page.goto(`/instances/${first}`);
  await page.locator('.react-flow__node').first().waitFor();
  await page.keyboard.press('v');
  await page
    .getByRole('dialog')
    .getByRole('button', { name: new RegExp(second) })
    .click();
  await page.waitForURL(new RegExp(`${first}/compare/${second}`));
  const input = page.getByRole('list', { name: 'Differences: Input' });
  await input.getByText('50').waitFor();
  await input.getByText('5', { exact: true }).waitFor();
  await page.getByRole('row', { name: /check/ }).click();
  await page.getByRole('list', { name: 'Differences: Output' }).getByText('false').waitFor();
  deepEqual(await findAxeFaults(page), []);
  await finish(page);
});

test('the list is narrowed by completion, a facet, a cell and the chart, and kept as a view', async () => {
  const workflowId = await publish('Narrowed', [{ key: 'bad', type: 'fail', params: { message: 'on purpose', code: 'on_purpose' } }]);
  await ended(workflowId, { labels: { team: 'blue' } });
  await ended(workflowId, { labels: { team: 'red' } });
  const page = await signedIn();
  await page.goto('/instances');
  await page
    .getByRole('row', { name: /Narrowed/ })
    .first()
    .waitFor();
  const line = page.getByRole('combobox', { name: 'Filter instances' });
  await line.click();
  await line.pressSequentially('sta');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('ArrowDown');
  await line.pressSequentially('fail');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Tab');
  await page.waitForURL(/filter=status%3Afailed/);
  await page.getByRole('button', { name: 'Filter by workflow' }).click();
  await page.getByRole('menuitem', { name: 'Narrowed' }).click();
  await page.waitForURL(new RegExp(workflowId));
  await page.locator('tbody tr:not([aria-hidden])').nth(1).waitFor();
  await page.getByRole('button', { name: 'team:blue' }).click();
  await page.waitForURL(/team%3Ablue/);
  await inPage(page, 'document.querySelectorAll("tbody tr:not([aria-hidden])").length === 1');

  await page.getByRole('button', { name: 'Saved views' }).click();
  await page.getByRole('menuitem', { name: 'Save this filter…' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Blue failures');
  await page.getByRole('dialog').getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Saved views' }).getByText('Blue failures').waitFor();

  const plot = page.getByRole('slider', { name: 'Outcomes of instances over time' });
  const box = await plot.boundingBox();
  ok(box !== null);
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 2, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await page.waitForURL(/since%3A/);
  await page.getByRole('button', { name: /All times/ }).click();
  await inPage(page, '!location.search.includes("since")');
  deepEqual(await findAxeFaults(page), []);
  await finish(page);
});

test('many are cancelled and deleted at once, by selection and by filter, after a count', async () => {
  const workflowId = await publish('Many', [{ key: 'wait', type: 'wait.timer', params: { durationMs: 86_400_000 } }]);
  await client.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances/batch`, { inputs: Array.from({ length: 230 }, () => ({})) });
  const page = await signedIn();
  await page.goto(`/instances?filter=${encodeURIComponent(`workflow:${workflowId}`)}`);
  await page.locator('tbody tr:not([aria-hidden])').nth(3).waitFor();
  await page.getByRole('checkbox', { name: 'Select row' }).nth(0).check();
  await page.getByRole('checkbox', { name: 'Select row' }).nth(1).check();
  const bar = page.getByRole('toolbar', { name: 'Actions on the selection' });
  await bar.getByRole('button', { name: 'Cancel 2' }).click();
  await page.getByRole('dialog', { name: 'Cancel 2 instances?' }).getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByText('2 instances cancelled').waitFor();

  await page.getByRole('checkbox', { name: 'Select all' }).check();
  await bar.getByRole('button', { name: 'Select all that match' }).click();
  await bar.getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByRole('dialog', { name: 'Cancel 228 instances?' }).getByRole('button', { name: 'Cancel', exact: true }).click();
  await page.getByText('228 instances cancelled').waitFor();
  deepEqual(itemsOf(await client.expect(200, 'GET', `/api/v1/instances?workflowId=${workflowId}&status=waiting`)), []);

  await page.getByRole('checkbox', { name: 'Select row' }).nth(0).check();
  await bar.getByRole('button', { name: 'Delete 1' }).click();
  await page.getByRole('dialog', { name: 'Delete this instance?' }).getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('1 instance deleted').waitFor();
  await finish(page);
});

for (const look of [{ name: 'wide' }, { name: 'narrow', width: 390, height: 844 }])
  test(`the inbox counts what waits, and several requests are approved at once (${look.name})`, async () => {
    const workflowId = await publish(`Asked ${look.name}`, [{ key: 'ask', type: 'approval', params: { title: `May it go out, ${look.name}?` } }]);
    const ids = await Promise.all([0, 1, 2].map(async () => String((await client.expect(201, 'POST', `/api/v1/workflows/${workflowId}/instances`, {}))['id'])));
    const page = await signedIn(look);
    await page.goto('/approvals');
    const rows = page.getByRole('row', { name: new RegExp(`May it go out, ${look.name}`) });
    await rows.nth(2).waitFor();
    await page.getByLabel('3 waiting').waitFor();
    deepEqual(await findAxeFaults(page), []);
    await rows.nth(0).getByText('May it').click();
    await page
      .getByRole('region', { name: 'Approval' })
      .getByLabel(/Comment/)
      .fill('looks right');
    await page.getByRole('region', { name: 'Approval' }).getByRole('button', { name: 'Approve' }).click();
    await rows.nth(2).waitFor({ state: 'detached' });
    for (const at of [0, 1]) await rows.nth(at).getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Approve…' }).click();
    await page.getByRole('dialog', { name: 'Approve 2 requests?' }).getByRole('button', { name: 'Approve', exact: true }).click();
    await page.getByText('Nothing waits for you').waitFor();
    for (const id of ids) equal((await client.expect(200, 'GET', `/api/v1/instances/${id}`))['status'], 'completed');
    await finish(page);
  });

test('who only runs fills in a form, sees how it goes and what comes out, and runs it again', async () => {
  const inputSchema = { type: 'object', properties: { name: { type: 'string', title: 'Name' } }, required: ['name'] };
  const workflowId = await publish(
    'Greets',
    [
      { key: 'ask', type: 'approval', name: 'Somebody agrees', params: { title: 'Greet them?' } },
      { key: 'greet', type: 'template', params: { text: 'Hello {{ input.name }}' } },
    ],
    [{ from: 'ask', to: 'greet' }],
    { inputSchema },
  );
  const page = await signedIn();
  await page.goto(`/run/${workflowId}`);
  await page.getByLabel('Name').fill('Ada');
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await page.waitForURL(/run=inst_/);
  await page.getByText(/0 of 2 steps are done/).waitFor();
  await page.getByRole('region', { name: 'Approval' }).getByRole('button', { name: 'Approve' }).click();
  await page.getByText('"Hello Ada"').waitFor();
  deepEqual(await findAxeFaults(page), []);
  const before = page.url();
  await page.getByRole('button', { name: 'Run again with the same input' }).click();
  await page.waitForURL((url) => url.href !== before);
  await page.getByText(/0 of 2 steps are done/).waitFor();
  await page.goBack();
  await page.getByRole('button', { name: 'Change the input' }).click();
  equal(await page.getByLabel('Name').inputValue(), 'Ada');
  await finish(page);
});
