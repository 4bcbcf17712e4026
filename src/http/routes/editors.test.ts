/** Who has the editor of a workflow open, and who holds the pen: two people over the API. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { ApiClient } from '../../test/api-client.ts';
import { startApp, type TestApp } from '../../test/app.ts';

interface Row {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  readonly hasPen: boolean;
}

let app: TestApp;
let ada: ApiClient;
let ben: ApiClient;
let path = '';

before(async () => {
  app = await startApp();
  ada = app.people.user.client;
  ben = app.people.admin.client;
});
after(() => app.close());
beforeEach(async () => {
  const { id } = await ada.expect(201, 'POST', '/api/v1/workflows', { name: 'Edited', nodes: [{ key: 'a', type: 'noop' }], edges: [] });
  path = `/api/v1/workflows/${String(id)}`;
});

async function keep(who: ApiClient, editor: string, pen?: string): Promise<Row[]> {
  return (await who.expect(200, 'PUT', `${path}/editors`, { editor, ...(pen === undefined ? {} : { pen }) }))['editors'] as Row[];
}
const penOf = (editors: readonly Row[]): string | undefined => editors.find((one) => one.hasPen)?.id;

/** Payloads of the changes told, oldest first. */
async function told(): Promise<Record<string, unknown>[]> {
  const { rows } = await app.admin.query<{ payload: string; sequence: string }>(
    `select payload, sequence from outbox where type = 'workflows:editors:changed' and id = $1 order by position`,
    [path.split('/').at(-1)],
  );
  return rows.map((row) => JSON.parse(row.payload) as Record<string, unknown>);
}

/** Their lease is over: they did not come back. */
const forget = (editor: string): Promise<unknown> =>
  app.admin.query(`update workflow_editors set expires_at = now() - interval '1 second' where editor_id = $1`, [editor]);

test('who comes first holds the pen, and who comes next sees them', async () => {
  assert.deepEqual(
    (await keep(ada, 'ada-tab-1')).map(({ id, userId, name, hasPen }) => ({ id, userId, name, hasPen })),
    [{ id: 'ada-tab-1', userId: app.people.user.userId, name: 'user', hasPen: true }],
  );
  const both = await keep(ben, 'ben-tab-1');
  assert.deepEqual([both.map((one) => one.id), penOf(both)], [['ada-tab-1', 'ben-tab-1'], 'ada-tab-1']);
  const seen = await ben.expect(200, 'GET', `${path}/editors`);
  assert.deepEqual([seen['editors'], seen['leaseS']], [both, 30]);
});

test('coming back changes nothing and tells nothing', async () => {
  await keep(ada, 'ada-tab-1');
  const before = await told();
  await keep(ada, 'ada-tab-1');
  assert.deepEqual(await told(), before);
  assert.equal(before.length, 1);
});

test('the pen is taken over, and whoever held it is told by name', async () => {
  await keep(ada, 'ada-tab-1');
  await keep(ben, 'ben-tab-1');
  assert.equal(penOf(await keep(ben, 'ben-tab-1', 'take')), 'ben-tab-1');
  assert.equal((await told()).at(-1)?.['takenFrom'], 'ada-tab-1');
  assert.equal(penOf(await keep(ada, 'ada-tab-1')), 'ben-tab-1');
});

test('a pen that was given stays free until somebody takes it', async () => {
  await keep(ada, 'ada-tab-1');
  await keep(ben, 'ben-tab-1');
  assert.equal(penOf(await keep(ada, 'ada-tab-1', 'give')), undefined);
  assert.equal(penOf(await keep(ben, 'ben-tab-1')), undefined);
  assert.equal(penOf(await keep(ben, 'ben-tab-1', 'take')), 'ben-tab-1');
  assert.equal((await told()).at(-1)?.['takenFrom'], undefined);
});

test('an editor that is closed hands the pen to who came first', async () => {
  await keep(ada, 'ada-tab-1');
  await keep(ben, 'ben-tab-1');
  await keep(ben, 'ben-tab-2');
  await ada.expect(204, 'DELETE', `${path}/editors?editor=ada-tab-1`);
  const left = (await ben.expect(200, 'GET', `${path}/editors`))['editors'] as Row[];
  assert.deepEqual([left.map((one) => one.id), penOf(left)], [['ben-tab-1', 'ben-tab-2'], 'ben-tab-1']);
  const last = await told();
  await ada.expect(204, 'DELETE', `${path}/editors?editor=ada-tab-1`);
  assert.deepEqual(await told(), last);
});

test('an editor that does not come back is gone with the next look, and its pen with it', async () => {
  await keep(ada, 'ada-tab-1');
  await keep(ben, 'ben-tab-1');
  await forget('ada-tab-1');
  assert.deepEqual(
    ((await ben.expect(200, 'GET', `${path}/editors`))['editors'] as Row[]).map((one) => one.id),
    ['ben-tab-1'],
  );
  const left = await keep(ben, 'ben-tab-1');
  assert.deepEqual([left.map((one) => one.id), penOf(left)], [['ben-tab-1'], 'ben-tab-1']);
  assert.deepEqual((await told()).at(-1)?.['editors'], left);
  // Back from sleep: there again, without the pen.
  assert.equal(penOf(await keep(ada, 'ada-tab-1')), 'ben-tab-1');
});

test('nobody closes or keeps the editor of somebody else', async () => {
  await keep(ada, 'ada-tab-1');
  assert.equal((await ben.call('PUT', `${path}/editors`, { body: { editor: 'ada-tab-1' } })).status, 409);
  await ben.expect(204, 'DELETE', `${path}/editors?editor=ada-tab-1`);
  assert.equal(((await ben.expect(200, 'GET', `${path}/editors`))['editors'] as Row[]).length, 1);
});

test('of many who take the pen at once one has it', async () => {
  const ids = Array.from({ length: 8 }, (_, index) => `many-tab-${index}`);
  await Promise.all(ids.map((id) => keep(ada, id, 'take')));
  const editors = (await ada.expect(200, 'GET', `${path}/editors`))['editors'] as Row[];
  assert.deepEqual([editors.length, editors.filter((one) => one.hasPen).length], [8, 1]);
  const events = await told();
  assert.equal(events.length, 8);
});

test('the editors of another org are not there', async () => {
  await keep(ada, 'ada-tab-1');
  const stranger = app.people.stranger.client;
  for (const [method, url, body] of [
    ['GET', `${path}/editors`, undefined],
    ['PUT', `${path}/editors`, { editor: 'stranger-1' }],
    ['DELETE', `${path}/editors?editor=ada-tab-1`, undefined],
  ] as const)
    assert.equal((await stranger.call(method, url, { body })).status, 404);
});
