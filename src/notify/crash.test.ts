/** What a process that is killed leaves: nothing lost, nothing told twice, and what was perhaps sent is sent again under the same id. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { notifyHarness, type NotifyHarness } from '../test/notify-harness.ts';
import { webReceiver, type WebReceiver } from '../test/receiver.ts';

let harness: NotifyHarness;
let web: WebReceiver;
const children: ChildProcess[] = [];
beforeEach(async () => {
  [harness, web] = await Promise.all([notifyHarness(), webReceiver()]);
  // Makes the reader known: what happens from here on is told.
  await (await harness.boot()).stop();
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await harness.close();
  await web.close();
});

/** A process of its own. @returns how it ended */
async function killedAt(failpoint: string): Promise<string | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../test/notify-child.ts')], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, STUDIO_FAILPOINT: `${failpoint}:crash` },
  });
  children.push(child);
  child.stdin?.end(JSON.stringify({ roles: harness.db.roles }));
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  return signal;
}

const failed = { status: 'failed', error: { code: 'boom', message: 'it broke' } };
const LEASE_MS = 90_000;

async function oneFails(): Promise<void> {
  const workflowId = await harness.workflow('Crashing', [
    { on: ['failed'], channel: 'in_app' },
    { on: ['failed'], channel: 'webhook', url: web.url },
  ]);
  await harness.happens({ id: 'inst_1', workflowId }, 'engine:instance:failed', failed);
}

async function allIsWell(posts: number): Promise<void> {
  await harness.until(
    // Both are written together, and may be between these two looks.
    async () => (await harness.deliveries()).some((row) => row.status === 'sent') && (await harness.inbox('user_boss')).length === 1,
    'all is told',
  );
  assert.equal((await harness.deliveries()).length, 1);
  assert.equal((await harness.inbox('user_boss')).length, 1);
  const [row] = await harness.deliveries();
  assert.deepEqual(
    web.posted.map((one) => one.headers['webhook-id']),
    Array.from({ length: posts }, () => row?.id),
  );
  assert.equal(new Set(web.posted.map((one) => one.body)).size, 1);
}

test('killed before the rows are committed: the next process tells, once', async () => {
  await oneFails();
  assert.equal(await killedAt('notify.before_commit'), 'SIGKILL');
  assert.deepEqual(await harness.deliveries(), []);
  assert.deepEqual(await harness.inbox('user_boss'), []);
  await harness.boot();
  await allIsWell(1);
});

test('killed before it is sent: what was queued is sent by the next process', async () => {
  await oneFails();
  assert.equal(await killedAt('notify.before_send'), 'SIGKILL');
  assert.equal(web.posted.length, 0);
  await harness.boot();
  await harness.clock.advance(LEASE_MS);
  await allIsWell(1);
});

test('killed between sending and recording: sent again with the same webhook-id and body, so that the receiver can tell', async () => {
  await oneFails();
  assert.equal(await killedAt('notify.sent'), 'SIGKILL');
  assert.equal(web.posted.length, 1);
  await harness.boot();
  await harness.clock.advance(LEASE_MS);
  await allIsWell(2);
});
