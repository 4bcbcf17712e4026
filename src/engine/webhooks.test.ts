/** Calls of webhooks: which are let in, that one delivery is one instance whoever repeats it, and what becomes of URLs and secrets. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { AppError } from '../kernel/fail.ts';
import { codeOf, command, hook, minutely, SECRET, START, triggerRig, webhookRequest, type TriggerRig } from '../test/triggers.ts';

let rig: TriggerRig;
before(async () => {
  rig = await triggerRig();
});
after(() => rig.close());
beforeEach(() => rig.reset());

test('a webhook whose secret is missing is off, says so, and can not be switched on', async () => {
  await rig.sync([hook({ auth: 'hmac', secret: 'NOT_THERE' })]);
  const triggers = rig.create();
  assert.equal((await rig.row('hook')).enabled, false);
  assert.match((await rig.row('hook')).error ?? '', /secret "NOT_THERE" does not exist/);
  assert.equal(await codeOf(triggers.enable(command('hook'))), 'conflict');
  await rig.sync([hook({ auth: 'hmac', secret: 'HOOK' }, 'good')]);
  const { token } = await rig.row('good');
  for (const value of ['', undefined]) {
    if (value === undefined) rig.secrets.clear();
    else rig.secrets.set('org_a/HOOK', value);
    assert.equal(await codeOf(triggers.receive(rig.signedRequest(token, 'x', value ?? ''))), 'forbidden');
  }
  assert.deepEqual(await rig.instances(), []);
});

test('a rotated URL works, the old one does not; a schedule has none; others do not see it', async () => {
  await rig.sync([minutely, hook({ auth: 'none' })]);
  const triggers = rig.create();
  const { token } = await rig.row('hook');
  const view = await triggers.rotate(command('hook'));
  assert.equal(await codeOf(triggers.receive(webhookRequest(token))), 'not_found');
  assert.equal(await codeOf(triggers.receive(webhookRequest(view.url?.split('/').at(-1) ?? ''))), 'done');
  assert.equal(await codeOf(triggers.rotate(command('tick'))), 'conflict');
  for (const work of [triggers.rotate, triggers.enable, triggers.disable]) {
    assert.equal(await codeOf(work(command('hook', { orgId: 'org_b' }))), 'not_found');
    assert.equal(await codeOf(work(command('none'))), 'not_found');
  }
});

test('a signed call starts its workflow with what it brought', async () => {
  await rig.sync([hook({ auth: 'hmac', secret: 'HOOK' })]);
  const { token } = await rig.row('hook');
  const { instanceId } = await rig.create().receive({ ...rig.signedRequest(token, '{"n":1}', SECRET, 'd1'), query: new URLSearchParams('a=b') });
  const [one] = await rig.instances();
  assert.equal(one?.id, instanceId);
  assert.deepEqual(JSON.parse(one?.input ?? ''), {
    method: 'POST',
    query: { a: 'b' },
    headers: { 'content-type': 'application/json', 'x-studio-delivery': 'd1', 'x-studio-timestamp': String(START / 1_000) },
    body: { n: 1 },
    receivedAt: '2026-01-01T00:00:30.000Z',
  });
});

test('unknown tokens, other methods, wrong signatures and old calls start nothing', async () => {
  await rig.sync([hook({ auth: 'hmac', secret: 'HOOK' }), hook({ auth: 'none' }, 'open')]);
  const triggers = rig.create();
  const { token } = await rig.row('hook');
  const old = rig.signedRequest(token, 'x');
  assert.equal(await codeOf(triggers.receive({ ...old, token: token.slice(0, -1) })), 'not_found');
  assert.equal(await codeOf(triggers.receive({ ...old, token: randomBytes(32).toString('base64url') })), 'not_found');
  assert.equal(await codeOf(triggers.receive({ ...old, token: `${token}'; --` })), 'not_found');
  assert.equal(await codeOf(triggers.receive(webhookRequest((await rig.row('open')).token, { method: 'GET' }))), 'not_found');
  assert.equal(await codeOf(triggers.receive(webhookRequest(token))), 'unauthenticated');
  assert.equal(await codeOf(triggers.receive(rig.signedRequest(token, 'x', 'wrong'))), 'unauthenticated');
  rig.clock.jump(301_000);
  assert.equal(await codeOf(triggers.receive(old)), 'unauthenticated');
  assert.deepEqual(await rig.instances(), []);
});

test('copies of one delivery, at once and from two processes, start one instance and all hear its id', async () => {
  await rig.sync([hook({ auth: 'hmac', secret: 'HOOK' })]);
  const { token } = await rig.row('hook');
  const [one, other] = [rig.create(), rig.create({ database: rig.db.open() })];
  for (let round = 0; round < 50; round++) {
    const copy = rig.signedRequest(token, `{"round":${round}}`);
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => [one, other])
        .flat()
        .map((process) => process.receive(copy)),
    );
    assert.equal(new Set(answers.map((answer) => answer.instanceId)).size, 1);
  }
  assert.equal((await rig.instances()).length, 50);
});

test('a delivery whose process died before the instance stood is finished by its copy', async () => {
  await rig.sync([hook({ auth: 'none' })]);
  const { token } = await rig.row('hook');
  const copy = webhookRequest(token, { headers: new Headers({ 'x-studio-delivery': 'd1' }) });
  const dying = rig.create({ start: () => Promise.reject(new Error('the process is gone')) });
  await assert.rejects(dying.receive(copy), /gone/);
  const { instanceId } = await rig.create().receive(copy);
  assert.deepEqual(
    (await rig.instances()).map((one) => one.id),
    [instanceId],
  );
});

test('a copy of a delivery whose instance was deleted since starts nothing', async () => {
  await rig.sync([hook({ auth: 'none' })]);
  const triggers = rig.create();
  const copy = webhookRequest((await rig.row('hook')).token, { headers: new Headers({ 'x-studio-delivery': 'd1' }) });
  const first = await triggers.receive(copy);
  await rig.db.database.engine.query('delete from instances');
  assert.deepEqual(await triggers.receive(copy), first);
  assert.deepEqual(await rig.instances(), []);
});

test('a refusal of the workflow is told, shown to its owner, and leaves the delivery to be sent again', async () => {
  await rig.sync([hook({ auth: 'none' })]);
  const copy = webhookRequest((await rig.row('hook')).token, { headers: new Headers({ 'x-studio-delivery': 'd1' }) });
  const refusing = rig.create({ start: () => Promise.reject(new AppError('invalid_body', { message: 'input.body.n is missing' })) });
  assert.equal(await codeOf(refusing.receive(copy)), 'invalid_body');
  assert.equal((await rig.row('hook')).error, 'input.body.n is missing');
  assert.equal(await codeOf(rig.create().receive(copy)), 'done');
  assert.equal((await rig.row('hook')).error, null);
});
