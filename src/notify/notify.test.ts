/** Who is told what, from the event to the inbox, the webhook and the mailbox. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { notifyHarness, notifySettings, type NotifyHarness } from '../test/notify-harness.ts';
import { mailReceiver, webReceiver, type MailReceiver, type WebReceiver } from '../test/receiver.ts';

let harness: NotifyHarness;
let web: WebReceiver;
let mail: MailReceiver;
before(async () => {
  [harness, web, mail] = await Promise.all([notifyHarness(), webReceiver(), mailReceiver()]);
  await harness.boot({ smtpUrl: mail.url });
});
after(async () => {
  await harness.close();
  await web.close();
  await mail.close();
});

const failed = { status: 'failed', error: { code: 'boom', message: 'it broke', step: 'work' } };

test('without rules of its own, a workflow that fails tells its publisher in the app, with a link to the instance', async () => {
  const workflowId = await harness.workflow('Nightly');
  await harness.happens({ id: 'inst_a', workflowId }, 'engine:instance:failed', failed);
  await harness.happens({ id: 'inst_b', workflowId }, 'engine:instance:completed', { status: 'completed' });
  await harness.until(async () => (await harness.inbox('user_boss')).length > 0, 'the publisher is told');
  const [told, ...more] = await harness.inbox('user_boss');
  assert.deepEqual({ ...told, id: '' }, { id: '', kind: 'failed', title: 'Nightly failed', body: 'Step: work\nit broke', instanceId: 'inst_a' });
  assert.deepEqual(more, []);
  assert.deepEqual(await harness.inbox('user_staff'), []);
});

test('a step that waits for approval tells; one that waits for time does not', async () => {
  const workflowId = await harness.workflow('Careful', [{ on: ['waiting_approval'], channel: 'in_app', to: ['staff@example.com'] }]);
  const waits = (kind: string) => ({ path: 'ask', status: 'waiting', waitReason: { kind, message: 'approve the bill' } });
  await harness.happens({ id: 'inst_c', workflowId }, 'engine:step:waiting', waits('timer'));
  await harness.happens({ id: 'inst_c', workflowId }, 'engine:step:waiting', waits('approval'));
  await harness.until(async () => (await harness.inbox('user_staff')).length > 0, 'the member is told');
  const inbox = await harness.inbox('user_staff');
  assert.deepEqual(
    inbox.map((one) => [one.kind, one.title, one.body]),
    [['waiting_approval', 'Careful waits for approval', 'Step: ask\napprove the bill']],
  );
});

test('rules of the workflow stand in place of those of the org, and an empty list tells nobody', async () => {
  const silent = await harness.workflow('Silent', []);
  const loud = await harness.workflow('Loud', [{ on: ['completed'], channel: 'in_app', to: ['members'] }]);
  const before = (await harness.inbox('user_boss')).length;
  await harness.happens({ id: 'inst_d', workflowId: silent }, 'engine:instance:failed', failed);
  await harness.happens({ id: 'inst_e', workflowId: loud }, 'engine:instance:failed', failed);
  await harness.happens({ id: 'inst_f', workflowId: loud }, 'engine:instance:completed', { status: 'completed' });
  await harness.until(async () => (await harness.inbox('user_other')).length > 0, 'every member is told');
  const boss = await harness.inbox('user_boss');
  assert.deepEqual(
    boss.slice(before).map((one) => one.instanceId),
    ['inst_f'],
  );
});

test('an instance that another one called tells by rules of its workflow only: its caller tells by those of the org', async () => {
  const plain = await harness.workflow('Child plain');
  const ruled = await harness.workflow('Child ruled', [{ on: ['failed'], channel: 'in_app', to: ['user_other@example.com', 'other@example.com'] }]);
  const before = [(await harness.inbox('user_boss')).length, (await harness.inbox('user_other')).length];
  await harness.happens({ id: 'inst_g', workflowId: plain, parentId: 'inst_top' }, 'engine:instance:failed', failed);
  await harness.happens({ id: 'inst_h', workflowId: ruled, parentId: 'inst_top' }, 'engine:instance:failed', failed);
  await harness.until(async () => (await harness.inbox('user_other')).length > (before[1] ?? 0), 'the rule of the child tells');
  assert.equal((await harness.inbox('user_boss')).length, before[0]);
});

test('a webhook gets one signed message with a stable id, whose link is absolute; two rules that name it send one', async () => {
  harness.secrets.set('HOOK_KEY', 'whsec_c2lnbmluZyBrZXk=');
  const rule = { channel: 'webhook', url: web.url, secret: 'HOOK_KEY' } as const;
  const workflowId = await harness.workflow('Hooked', [
    { on: ['failed'], ...rule },
    { on: ['failed', 'cancelled'], ...rule },
  ]);
  await harness.happens({ id: 'inst_i', workflowId }, 'engine:instance:failed', failed);
  await harness.until(async () => (await harness.deliveries()).some((row) => row.status === 'sent'), 'the webhook is sent');
  const [posted, ...more] = web.posted.splice(0);
  assert.ok(posted !== undefined && more.length === 0);
  const id = String(posted.headers['webhook-id']);
  assert.equal(posted.headers['idempotency-key'], id);
  assert.match(id, /^dlv_[0-9a-z]{26}$/);
  const signed = createHmac('sha256', 'signing key')
    .update(`${id}.${String(posted.headers['webhook-timestamp'])}.${posted.body}`)
    .digest('base64');
  assert.equal(posted.headers['webhook-signature'], `v1,${signed}`);
  const body = JSON.parse(posted.body) as { type: string; text: string; data: Record<string, unknown> };
  assert.equal(body.type, 'notify.failed');
  assert.equal(body.data['link'], 'https://studio.example.com/instances/inst_i');
  assert.deepEqual(body.data['error'], { code: 'boom', message: 'it broke' });
});

test('e-mail reaches members and strangers alike, once each; names and errors can not add headers', async () => {
  const workflowId = await harness.workflow('Mailed\r\nBcc: evil@example.com', [
    { on: ['failed'], channel: 'email', to: ['publisher', 'boss@example.com', 'on-call@example.net'] },
  ]);
  const injected = { status: 'failed', error: { code: 'x', message: 'line\r\n.\r\nRCPT TO:<evil@example.com>\u001b[31m' } };
  await harness.happens({ id: 'inst_j', workflowId }, 'engine:instance:failed', injected);
  await harness.until(() => mail.mailed.length === 2, 'both are sent');
  assert.deepEqual(mail.mailed.flatMap((one) => one.to).toSorted(), ['boss@example.com', 'on-call@example.net']);
  const [one] = mail.mailed.splice(0);
  const head = one?.source.split('\r\n\r\n')[0] ?? '';
  assert.match(head, /^Subject: Mailed Bcc: evil@example.com failed$/m);
  assert.doesNotMatch(head, /^Bcc:/m);
  assert.match(head, /^Message-ID: <dlv_/im);
  assert.doesNotMatch(one?.source ?? '', /\u001b/);
});

test('an address that the mail server refuses is given up at once, a refused login is tried again and never shows the password', async () => {
  mail.refused.add('gone@example.net');
  await harness.notify.test({ orgId: 'org_1', userId: 'user_boss', role: 'admin' } as never, { channel: 'email', to: ['gone@example.net'] }, 'ntf_1');
  await harness.until(async () => (await harness.deliveries()).some((row) => row.target === 'gone@example.net' && row.status === 'dead'), 'it is given up');
  const first = harness.notify;
  const notify = await harness.boot({ smtpUrl: mail.url.replace('mail-password', 'wrong-password') });
  await notify.test({ orgId: 'org_1', userId: 'user_boss', role: 'admin' } as never, { channel: 'email', to: ['later@example.net'] }, 'ntf_2');
  await notify.stop();
  harness.notify = first;
  assert.doesNotMatch(JSON.stringify(await harness.deliveries()), /-password/);
});

test('a URL that is a secret is read when it is sent, and stands nowhere', async () => {
  harness.secrets.set('CHAT_URL', `${web.url}/secret-part`);
  const workflowId = await harness.workflow('Secretive', [{ on: ['failed'], channel: 'webhook', urlSecret: 'CHAT_URL' }]);
  await harness.happens({ id: 'inst_k', workflowId }, 'engine:instance:failed', failed);
  await harness.until(() => web.posted.some((one) => one.path === '/hook/secret-part'), 'it is posted to the secret URL');
  const { rows } = await harness.db.database.engine.query<{ text: string }>(`select to_jsonb(d)::text as text from notification_deliveries d`);
  assert.ok(rows.every((row) => !row.text.includes('secret-part')));
});

test('a step that tells again, in a second attempt or after a crash, tells nobody twice; another generation does', async () => {
  const workflowId = await harness.workflow('Telling');
  const step = { orgId: 'org_1', workflowId, instanceId: 'inst_t', path: 'tell', title: 'Told by a step', message: '' };
  const hook = { ...step, target: { channel: 'webhook', url: `${web.url}/step` } as const };
  const inbox = { ...step, target: { channel: 'in_app' as const, to: ['user_other@example.com', 'other@example.com'] } };
  const [first, second] = [await harness.notify.send({ ...hook, key: 'inst_t/tell/0' }), await harness.notify.send({ ...hook, key: 'inst_t/tell/0' })];
  assert.deepEqual(second, first);
  assert.notDeepEqual(await harness.notify.send({ ...hook, key: 'inst_t/tell/1' }), first);
  assert.deepEqual(
    [await harness.notify.send({ ...inbox, key: 'a' }), await harness.notify.send({ ...inbox, key: 'a' })],
    Array(2).fill({ notifications: 1, deliveries: [] }),
  );
  assert.equal((await harness.inbox('user_other')).filter((one) => one.title === 'Told by a step').length, 1);
  await harness.until(() => web.posted.filter((one) => one.path === '/hook/step').length === 2, 'one is posted for each generation');
});

test('an address inside is refused by the guard, given up at once, and may be sent again once it is allowed', async () => {
  harness.settings = { ...notifySettings, allowedHosts: [] };
  web.posted.length = 0;
  const { deliveries } = await harness.notify.test({ orgId: 'org_1', userId: 'user_boss' } as never, { channel: 'webhook', url: web.url }, 'ntf_3');
  const mine = async () => (await harness.deliveries()).find((row) => row.id === deliveries[0]);
  await harness.until(async () => (await mine())?.status === 'dead', 'it is given up');
  assert.match((await mine())?.lastError ?? '', /not a public address/);
  assert.equal(web.posted.length, 0);
  harness.settings = notifySettings;
  await assert.rejects(harness.notify.retry('org_other', deliveries[0] ?? ''), { code: 'not_found' });
  await harness.notify.retry('org_1', deliveries[0] ?? '');
  await harness.until(async () => (await mine())?.status === 'sent', 'it is sent');
  await assert.rejects(harness.notify.retry('org_1', deliveries[0] ?? ''), { code: 'conflict' });
});

test('a burst of failures is one mail at once and one five minutes later, each with how many and the first few; webhooks hear of each', async () => {
  const mails = () => mail.mailed.filter((one) => one.to.includes('night@example.net'));
  web.posted.length = 0;
  const workflowId = await harness.workflow('Stormy', [
    { on: ['failed', 'waiting_approval'], channel: 'email', to: ['night@example.net'] },
    { on: ['failed'], channel: 'webhook', url: `${web.url}/storm` },
  ]);
  const fail = (name: string): Promise<void> => harness.happens({ id: `inst_${name}`, workflowId }, 'engine:instance:failed', failed);
  await fail('s0');
  await harness.until(() => mails().length === 1, 'the first is told at once');
  assert.match(mails()[0]?.source ?? '', /^Subject: Stormy failed$/m);
  for (let n = 1; n <= 7; n++) await fail(`s${n}`);
  await harness.happens({ id: 'inst_s1', workflowId }, 'engine:step:waiting', {
    path: 'ask',
    status: 'waiting',
    waitReason: { kind: 'approval', message: 'approve the bill' },
  });
  await harness.until(() => web.posted.filter((one) => one.path === '/hook/storm').length === 8, 'the webhook hears of each');
  await harness.until(() => mails().length === 2, 'what asks somebody to act does not wait');
  assert.match(mails()[1]?.source ?? '', /^Subject: Stormy waits for approval$/m);
  await harness.clock.advance(4 * 60_000);
  assert.equal(mails().length, 2);
  await harness.clock.advance(90_000);
  await harness.until(() => mails().length === 3, 'the others are told together');
  const source = mails()[2]?.source ?? '';
  assert.match(source, /^Subject: Stormy failed 7 times$/m);
  assert.match(source, /inst_s1: work: it broke\r\n/);
  assert.match(source, /inst_s5: work: it broke\r\nand 2 more/);
  assert.doesNotMatch(source, /inst_s6/);
  assert.match(source.replaceAll('=\r\n', '').replaceAll('=3D', '='), /instances\?filter=workflow%3Awf_Stormy%20status%3Afailed/);
  await harness.clock.advance(10 * 60_000);
  await fail('s8');
  await harness.until(() => mails().length === 4, 'after a quiet time the next is told at once');
  assert.match(mails()[3]?.source ?? '', /^Subject: Stormy failed$/m);
});

test('in the inbox a burst is one entry that counts while it is unread, and no longer than five minutes', async () => {
  const workflowId = await harness.workflow('Noisy', [{ on: ['failed', 'completed'], channel: 'in_app', to: ['other@example.com'] }]);
  const titles = async (): Promise<readonly string[]> =>
    (await harness.inbox('user_other')).filter((one) => one.title.startsWith('Noisy')).map((one) => `${one.title} ${one.instanceId}`);
  const end = (name: string, status: 'failed' | 'completed'): Promise<void> =>
    harness.happens({ id: `inst_${name}`, workflowId }, `engine:instance:${status}`, status === 'failed' ? failed : { status });
  await end('n1', 'failed');
  await harness.until(async () => (await titles()).length === 1, 'the first is told');
  for (const name of ['n2', 'n3']) await end(name, 'failed');
  await end('n4', 'completed');
  await harness.until(async () => (await titles()).length === 2, 'the one that ended well is told apart');
  assert.deepEqual(await titles(), ['Noisy failed 3 times null', 'Noisy completed inst_n4']);
  await harness.notify.readAll({ orgId: 'org_1', userId: 'user_other' } as never);
  await end('n5', 'failed');
  await harness.until(async () => (await titles()).length === 3, 'what was read does not count on');
  await harness.clock.advance(6 * 60_000);
  await end('n6', 'failed');
  await harness.until(async () => (await titles()).length === 4, 'nor does what is old');
  assert.deepEqual((await titles()).slice(2), ['Noisy failed inst_n5', 'Noisy failed inst_n6']);
});
