/** How long a message is tried, by whom, and what ends it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { notifyHarness, type NotifyHarness } from '../test/notify-harness.ts';
import { webReceiver, type WebReceiver } from '../test/receiver.ts';

let harness: NotifyHarness;
let web: WebReceiver;
before(async () => {
  [harness, web] = await Promise.all([notifyHarness(), webReceiver()]);
  await harness.boot();
});
after(async () => {
  await harness.close();
  await web.close();
});

const caller = { orgId: 'org_1', userId: 'user_boss', role: 'admin' } as never;
const rowOf = async (id: string | undefined) => (await harness.deliveries()).find((row) => row.id === id);

test('a receiver that fails is asked ten times within a day, always with the same id, then the message is given up and tells nobody of that', async () => {
  web.status = 503;
  const { deliveries } = await harness.notify.test(caller, { channel: 'webhook', url: web.url }, 'ntf_a');
  const [id] = deliveries;
  const begun = harness.clock.now();
  const pausesS = [10, 40, 160, 640, 2_560, 10_240, 21_600, 21_600, 21_600];
  for (const pauseS of pausesS) {
    // While an attempt runs, the row says when it counts as lost; once it failed, when the next is due.
    const left = async () => ((await rowOf(id))?.nextAt?.getTime() ?? 0) - harness.clock.now() - pauseS * 1_000;
    await harness.until(async () => (await rowOf(id))?.status === 'failed' && Math.abs(await left()) < 5_000, `it is to be tried again in ${pauseS} s`);
    await harness.clock.advance(pauseS * 1_000);
  }
  await harness.until(async () => (await rowOf(id))?.status === 'dead', 'it is given up');
  assert.ok(harness.clock.now() - begun < 24 * 3_600_000);
  assert.deepEqual(
    web.posted.splice(0).map((one) => one.headers['webhook-id']),
    Array.from({ length: 10 }, () => id),
  );
  assert.equal((await rowOf(id))?.lastError, 'the receiver answered 503');
  await harness.clock.advance(48 * 3_600_000);
  assert.equal(web.posted.length, 0);
  assert.deepEqual(await harness.inbox('user_boss'), []);
  assert.equal((await harness.deliveries()).length, 1);
});

test('a receiver that is gone for good ends it at once', async () => {
  web.status = 410;
  const { deliveries } = await harness.notify.test(caller, { channel: 'webhook', url: web.url }, 'ntf_b');
  await harness.until(async () => (await rowOf(deliveries[0]))?.status === 'dead', 'it is given up');
  assert.equal((await rowOf(deliveries[0]))?.attempts, 1);
  web.posted.length = 0;
});

test('a receiver that never answers holds one slot until its time is over', async () => {
  web.status = 0;
  const { deliveries } = await harness.notify.test(caller, { channel: 'webhook', url: web.url }, 'ntf_c');
  await harness.until(() => web.posted.length === 1, 'it is posted');
  const other = await webReceiver();
  const second = await harness.notify.test(caller, { channel: 'webhook', url: other.url }, 'ntf_d');
  await harness.until(async () => (await rowOf(second.deliveries[0]))?.status === 'sent', 'another one is sent meanwhile');
  assert.equal((await rowOf(deliveries[0]))?.status, 'queued');
  await harness.notify.stop();
  const row = await rowOf(deliveries[0]);
  assert.deepEqual([row?.status, row?.lastError], ['failed', 'Studio stopped while it was sent']);
  web.status = 200;
  await harness.boot();
  await harness.until(async () => (await rowOf(deliveries[0]))?.status === 'sent', 'the next Studio sends it');
  assert.equal(new Set(web.posted.splice(0).map((one) => one.headers['webhook-id'])).size, 1);
  await other.close();
});

test('a missing secret is named, and the message goes once it is set', async () => {
  const { deliveries } = await harness.notify.test(caller, { channel: 'webhook', url: web.url, secret: 'LATER' }, 'ntf_e');
  await harness.until(async () => (await rowOf(deliveries[0]))?.status === 'failed', 'it fails');
  assert.match((await rowOf(deliveries[0]))?.lastError ?? '', /the secret "LATER" does not exist/);
  assert.equal(web.posted.length, 0);
  harness.secrets.set('LATER', 'key');
  await harness.until(async () => {
    await harness.clock.advance(1_000);
    return (await rowOf(deliveries[0]))?.status === 'sent';
  }, 'it is sent');
  assert.match(String(web.posted.splice(0)[0]?.headers['webhook-signature']), /^v1,/);
});

test('two processes send two hundred messages once each', async () => {
  const second = await harness.boot({ database: harness.db.open() });
  const [first] = [harness.notify];
  // What tests before this one left stands among them.
  const sent = async (): Promise<number> => (await harness.deliveries()).filter((row) => row.status === 'sent').length;
  const before = await sent();
  await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      (index % 2 === 0 ? first : second).test(caller, { channel: 'webhook', url: `${web.url}/${index}` }, `ntf_f${index}`),
    ),
  );
  await harness.until(async () => (await sent()) - before >= 200, 'all are sent');
  assert.equal(new Set(web.posted.map((one) => one.path)).size, 200);
  assert.equal(web.posted.length, 200);
});
