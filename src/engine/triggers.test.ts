import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import type { Caller } from '../contract/caller.ts';
import type { Trigger } from '../contract/graph.ts';
import { AppError } from '../kernel/fail.ts';
import { Broadcast } from '../realtime/envelope.ts';
import type { Database, Sql } from '../store/client.ts';
import { upsertSecret } from '../store/secrets.ts';
import { silentLog, testDatabase, type TestDatabase } from '../test/database.ts';
import { fakeClock, type FakeClock } from '../test/fake-clock.ts';
import type { TriggeredStart } from './schedule.ts';
import { validateTriggers } from './trigger-faults.ts';
import { syncTriggers } from './trigger-rows.ts';
import { createTriggers, type Triggers } from './triggers.ts';
import type { WebhookRequest } from './webhooks.ts';

const START = Date.UTC(2026, 0, 1, 0, 0, 30);
const SECRET = 'whsec';

let db: TestDatabase;
let clock: FakeClock;
const secrets = new Map<string, string>();
before(async () => {
  db = await testDatabase();
});
after(() => db.close());
beforeEach(async () => {
  await db.database.engine.query('delete from instances');
  await db.database.engine.query('delete from orgs');
  await db.database.engine.query(`insert into orgs (id, name) values ('org_a', 'A'), ('org_b', 'B')`);
  await addWorkflow('wf_1', 'org_a');
  clock = fakeClock(START);
  secrets.clear();
  await setSecret(SECRET);
});

async function addWorkflow(id: string, orgId: string): Promise<void> {
  await db.database.engine.query(`insert into workflows (id, org_id, name, version) values ($1, $2, 'w', 1)`, [id, orgId]);
  await db.database.engine.query(
    `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ($1, 1, $2, '{}', '', 0)`,
    [id, orgId],
  );
}

async function setSecret(value: string): Promise<void> {
  secrets.set('org_a/HOOK', value);
  await upsertSecret(db.database.engine, { orgId: 'org_a', name: 'HOOK', ciphertext: Buffer.from('sealed'), keyId: 'k', now: new Date(START) });
}

/** The engine's part: a row an id, whoever asks for it. */
async function insertInstance(sql: Sql, start: TriggeredStart): Promise<void> {
  await sql.query(
    `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq) values ($1, $2, $3, 1, 'running', $4, 50, $5, 1) on conflict (id) do nothing`,
    [start.id, start.orgId, start.workflowId, JSON.stringify(start.input), start.startedBy],
  );
}

function create(options: { readonly database?: Database; readonly start?: (start: TriggeredStart) => Promise<void> } = {}): Triggers {
  const database = options.database ?? db.database;
  return createTriggers({
    database,
    clock,
    log: silentLog,
    secrets: { read: async (orgId, name) => secrets.get(`${orgId}/${name}`) },
    start: options.start ?? ((start) => insertInstance(database.engine, start)),
    cancel: async ({ id }) => void (await database.engine.query(`update instances set status = 'cancelled' where id = $1`, [id])),
    envelopeOf: (event) => new Broadcast(event).envelope(),
  });
}

function sync(triggers: readonly Trigger[], workflowId = 'wf_1'): Promise<void> {
  return db.database.engine.transaction((sql) => syncTriggers(sql, { orgId: 'org_a', workflowId, triggers, nowMs: clock.now() }));
}

const minutely: Trigger = { key: 'tick', type: 'cron', params: { expression: '* * * * *', timezone: 'UTC' }, enabled: true };
const hook = (params: Record<string, unknown>, key = 'hook'): Trigger => ({ key, type: 'webhook', params: params as Trigger['params'], enabled: true });
const caller: Caller = { userId: 'user_1', orgId: 'org_a', role: 'user', scopes: null, via: 'token', sessionId: 's', keyId: null };
const command = (key: string, more: Partial<Caller> = {}) => ({
  caller: { ...caller, ...more },
  address: '127.0.0.1',
  workflowId: 'wf_1',
  key,
  requestId: 'req_1',
});

interface Seen {
  readonly id: string;
  readonly started_by: string;
  readonly input: string;
}
async function instances(): Promise<Seen[]> {
  return (await db.database.engine.query<Seen & Record<string, unknown>>('select id, started_by, input from instances order by id')).rows;
}
async function row(key: string): Promise<{ enabled: boolean; token: string; next: Date | null; error: string | null }> {
  const { rows } = await db.database.engine.query<{ enabled: boolean; token: string; next: Date | null; error: string | null }>(
    `select enabled, token, next_fire_at as next, last_error as error from triggers where workflow_id = 'wf_1' and key = $1`,
    [key],
  );
  assert.ok(rows[0]);
  return rows[0];
}
async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
}
/** Lets a schedule's look, which asks the real database, come to its end. */
async function untilFired(count: number): Promise<void> {
  while ((await instances()).length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  await new Promise((resolve) => setTimeout(resolve, 20));
}

test('a schedule fires at its minutes, once each, with ids that say when', async () => {
  await sync([minutely]);
  const triggers = create();
  triggers.start();
  for (let minute = 1; minute <= 3; minute++) {
    while (clock.pending < 2) await new Promise((resolve) => setTimeout(resolve, 2));
    while ((await instances()).length < minute) {
      await clock.advance(5_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await triggers.stop();
  const fired = await instances();
  assert.deepEqual(
    fired.map((one) => [one.started_by, JSON.parse(one.input)]),
    [1, 2, 3].map((minute) => ['cron:tick', { scheduledAt: `2026-01-01T00:0${minute}:00.000Z` }]),
  );
});

test('several processes on one database fire every time once', async () => {
  await sync([minutely, { ...minutely, key: 'tock' }]);
  const others = [db.open(), db.open()];
  clock.jump(60_000);
  const all = [db.database, ...others].map((database) => create({ database }));
  for (const one of all) one.start();
  await untilFired(2);
  await Promise.all(all.map((one) => one.stop()));
  assert.deepEqual((await instances()).map((one) => one.started_by).toSorted(), ['cron:tick', 'cron:tock']);
});

test('killed between the start and the move: the same time starts nothing twice', async () => {
  await sync([minutely]);
  clock.jump(60_000);
  let isFirst = true;
  const dying = create({
    start: async (start) => {
      await insertInstance(db.database.engine, start);
      if (isFirst) {
        isFirst = false;
        // The connection that holds the claim dies before it can move the trigger on.
        await db.database.engine.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
        );
      }
    },
  });
  dying.start();
  await untilFired(1);
  await clock.advance(1_000);
  while ((await row('tick')).next?.getTime() === Date.UTC(2026, 0, 1, 0, 1)) await new Promise((resolve) => setTimeout(resolve, 5));
  await dying.stop();
  assert.equal((await instances()).length, 1);
});

test('what was missed while Studio was down fires once, and then goes on at the next time', async () => {
  await sync([minutely]);
  clock.jump(3_600_000);
  const triggers = create();
  triggers.start();
  await untilFired(1);
  await triggers.stop();
  assert.deepEqual(
    (await instances()).map((one) => JSON.parse(one.input)),
    [{ scheduledAt: '2026-01-01T01:00:00.000Z' }],
  );
  assert.equal((await row('tick')).next?.toISOString(), '2026-01-01T01:01:00.000Z');
});

test('one switch pauses everything; what a schedule missed meanwhile is caught up as it says', async () => {
  const missed = (key: string, catchUp: string): Trigger => ({ ...minutely, key, params: { ...minutely.params, catchUp } });
  await sync([missed('all', 'all'), missed('one', 'one'), missed('skip', 'skip'), hook({ auth: 'none' })]);
  await db.database.engine.query(`insert into settings (org_id, key, value) values ('org_a', 'triggersPaused', 'true')`);
  clock.jump(600_000);
  const triggers = create();
  triggers.start();
  assert.equal(await codeOf(triggers.receive(request((await row('hook')).token))), 'conflict');
  assert.deepEqual(await instances(), []);
  assert.equal((await row('one')).next?.toISOString(), '2026-01-01T00:01:00.000Z', 'still due');
  await db.database.engine.query(`update settings set value = 'false' where key = 'triggersPaused'`);
  triggers.nudge();
  assert.equal(await codeOf(triggers.receive(request((await row('hook')).token))), 'done');
  await untilFired(13);
  await triggers.stop();
  const count = new Map<string, number>();
  for (const one of await instances()) count.set(one.started_by, (count.get(one.started_by) ?? 0) + 1);
  // The last time is on time, whatever the policy.
  assert.deepEqual(Object.fromEntries(count), { 'cron:all': 10, 'cron:one': 1, 'cron:skip': 1, 'webhook:hook': 1 });
});

test("another organisation's pause is its own", async () => {
  await sync([hook({ auth: 'none' })]);
  await db.database.engine.query(`insert into settings (org_id, key, value) values ('org_b', 'triggersPaused', 'true')`);
  assert.equal(await codeOf(create().receive(request((await row('hook')).token))), 'done');
});

test('a trigger that is off, and an archived workflow, never fire', async () => {
  await sync([minutely, hook({ auth: 'none' })]);
  const triggers = create();
  await triggers.disable(command('tick'));
  await triggers.disable(command('hook'));
  clock.jump(600_000);
  triggers.start();
  assert.equal(await codeOf(triggers.receive(request((await row('hook')).token))), 'not_found');
  await triggers.enable(command('tick'));
  await triggers.enable(command('hook'));
  await db.database.engine.query(`update workflows set archived_at = now() where id = 'wf_1'`);
  assert.equal(await codeOf(triggers.receive(request((await row('hook')).token))), 'not_found');
  clock.jump(600_000);
  triggers.nudge();
  while ((await row('tick')).next !== null) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await codeOf(triggers.enable(command('tick'))), 'conflict');
  await triggers.stop();
  assert.deepEqual(await instances(), []);
});

test('a workflow that can not start says why and holds back no other', async () => {
  await sync([minutely, { ...minutely, key: 'well' }]);
  clock.jump(60_000);
  const triggers = create({
    start: async (start) => {
      if (start.startedBy === 'cron:tick') throw new AppError('invalid_body', { message: 'input.name is missing' });
      await insertInstance(db.database.engine, start);
    },
  });
  triggers.start();
  await untilFired(1);
  await triggers.stop();
  assert.deepEqual(
    (await instances()).map((one) => one.started_by),
    ['cron:well'],
  );
  assert.equal((await row('tick')).error, 'input.name is missing');
});

test('publishing keeps URLs and switches, takes away what is gone, and keeps the place of a schedule that did not change', async () => {
  const triggers = create();
  await sync([minutely, hook({ auth: 'none' }), hook({ auth: 'none' }, 'old')]);
  const first = await row('hook');
  await triggers.disable(command('hook'));
  clock.jump(10 * 60_000);
  await sync([minutely, hook({ auth: 'none', methods: ['GET'] })]);
  assert.equal((await row('hook')).token, first.token);
  assert.equal((await row('hook')).enabled, false, 'switched off by hand');
  assert.equal((await row('tick')).next?.toISOString(), '2026-01-01T00:01:00.000Z', 'due and not yet fired');
  assert.equal((await db.database.engine.query(`select key from triggers where key = 'old'`)).rows.length, 0);
  await sync([{ ...minutely, enabled: false }, hook({ auth: 'none' })]);
  assert.deepEqual([(await row('tick')).enabled, (await row('tick')).next], [false, null]);
  await sync([minutely, hook({ auth: 'none' })]);
  assert.equal((await row('tick')).next?.toISOString(), '2026-01-01T00:11:00.000Z');
});

test('a webhook whose secret is missing is off, says so, and can not be switched on', async () => {
  await sync([hook({ auth: 'hmac', secret: 'NOT_THERE' })]);
  const triggers = create();
  assert.equal((await row('hook')).enabled, false);
  assert.match((await row('hook')).error ?? '', /secret "NOT_THERE" does not exist/);
  assert.equal(await codeOf(triggers.enable(command('hook'))), 'conflict');
  await sync([hook({ auth: 'hmac', secret: 'HOOK' }, 'good')]);
  const { token } = await row('good');
  for (const value of ['', undefined]) {
    if (value === undefined) secrets.clear();
    else secrets.set('org_a/HOOK', value);
    assert.equal(await codeOf(triggers.receive(signedRequest(token, 'x', value ?? ''))), 'forbidden');
  }
  assert.deepEqual(await instances(), []);
});

test('a rotated URL works, the old one does not; a schedule has none; others do not see it', async () => {
  await sync([minutely, hook({ auth: 'none' })]);
  const triggers = create();
  const { token } = await row('hook');
  const view = await triggers.rotate(command('hook'));
  assert.equal(await codeOf(triggers.receive(request(token))), 'not_found');
  assert.equal(await codeOf(triggers.receive(request(view.url?.split('/').at(-1) ?? ''))), 'done');
  assert.equal(await codeOf(triggers.rotate(command('tick'))), 'conflict');
  for (const work of [triggers.rotate, triggers.enable, triggers.disable]) {
    assert.equal(await codeOf(work(command('hook', { orgId: 'org_b' }))), 'not_found');
    assert.equal(await codeOf(work(command('none'))), 'not_found');
  }
});

test("a switch writes its event in the workflow's stream", async () => {
  await sync([minutely]);
  await create().disable(command('tick'));
  const { rows } = await db.database.engine.query<{ type: string; sequence: number; payload: string }>(
    `select type, sequence, payload from outbox where kind = 'workflow' order by position desc limit 1`,
  );
  assert.deepEqual(rows, [{ type: 'workflows:trigger:changed', sequence: 1, payload: '{"key":"tick","enabled":false}' }]);
});

function request(token: string, more: Partial<WebhookRequest> = {}): WebhookRequest {
  return { token, method: 'POST', headers: new Headers(), query: new URLSearchParams(), body: Buffer.alloc(0), requestId: 'req_1', ...more };
}
function signedRequest(token: string, body: string, secret = SECRET, delivery = randomBytes(6).toString('hex')): WebhookRequest {
  const seconds = String(Math.floor(clock.now() / 1_000));
  const signature = createHmac('sha256', secret).update(`${delivery}.${seconds}.${body}`).digest('hex');
  return request(token, {
    body: Buffer.from(body),
    headers: new Headers({
      'content-type': 'application/json',
      'x-studio-delivery': delivery,
      'x-studio-timestamp': seconds,
      'x-studio-signature': `sha256=${signature}`,
    }),
  });
}

test('a signed call starts its workflow with what it brought', async () => {
  await sync([hook({ auth: 'hmac', secret: 'HOOK' })]);
  const { token } = await row('hook');
  const { instanceId } = await create().receive({ ...signedRequest(token, '{"n":1}', SECRET, 'd1'), query: new URLSearchParams('a=b') });
  const [one] = await instances();
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
  await sync([hook({ auth: 'hmac', secret: 'HOOK' }), hook({ auth: 'none' }, 'open')]);
  const triggers = create();
  const { token } = await row('hook');
  const old = signedRequest(token, 'x');
  assert.equal(await codeOf(triggers.receive({ ...old, token: token.slice(0, -1) })), 'not_found');
  assert.equal(await codeOf(triggers.receive({ ...old, token: randomBytes(32).toString('base64url') })), 'not_found');
  assert.equal(await codeOf(triggers.receive({ ...old, token: `${token}'; --` })), 'not_found');
  assert.equal(await codeOf(triggers.receive(request((await row('open')).token, { method: 'GET' }))), 'not_found');
  assert.equal(await codeOf(triggers.receive(request(token))), 'unauthenticated');
  assert.equal(await codeOf(triggers.receive(signedRequest(token, 'x', 'wrong'))), 'unauthenticated');
  clock.jump(301_000);
  assert.equal(await codeOf(triggers.receive(old)), 'unauthenticated');
  assert.deepEqual(await instances(), []);
});

test('copies of one delivery, at once and from two processes, start one instance and all hear its id', async () => {
  await sync([hook({ auth: 'hmac', secret: 'HOOK' })]);
  const { token } = await row('hook');
  const [one, other] = [create(), create({ database: db.open() })];
  for (let round = 0; round < 50; round++) {
    const copy = signedRequest(token, `{"round":${round}}`);
    const answers = await Promise.all(
      Array.from({ length: 25 }, () => [one, other])
        .flat()
        .map((process) => process.receive(copy)),
    );
    assert.equal(new Set(answers.map((answer) => answer.instanceId)).size, 1);
  }
  assert.equal((await instances()).length, 50);
});

test('a delivery whose process died before the instance stood is finished by its copy', async () => {
  await sync([hook({ auth: 'none' })]);
  const { token } = await row('hook');
  const copy = request(token, { headers: new Headers({ 'x-studio-delivery': 'd1' }) });
  const dying = create({ start: () => Promise.reject(new Error('the process is gone')) });
  await assert.rejects(dying.receive(copy), /gone/);
  const { instanceId } = await create().receive(copy);
  assert.deepEqual(
    (await instances()).map((one) => one.id),
    [instanceId],
  );
});

test('a copy of a delivery whose instance was deleted since starts nothing', async () => {
  await sync([hook({ auth: 'none' })]);
  const triggers = create();
  const copy = request((await row('hook')).token, { headers: new Headers({ 'x-studio-delivery': 'd1' }) });
  const first = await triggers.receive(copy);
  await db.database.engine.query('delete from instances');
  assert.deepEqual(await triggers.receive(copy), first);
  assert.deepEqual(await instances(), []);
});

test('a refusal of the workflow is told, shown to its owner, and leaves the delivery to be sent again', async () => {
  await sync([hook({ auth: 'none' })]);
  const copy = request((await row('hook')).token, { headers: new Headers({ 'x-studio-delivery': 'd1' }) });
  const refusing = create({ start: () => Promise.reject(new AppError('invalid_body', { message: 'input.body.n is missing' })) });
  assert.equal(await codeOf(refusing.receive(copy)), 'invalid_body');
  assert.equal((await row('hook')).error, 'input.body.n is missing');
  assert.equal(await codeOf(create().receive(copy)), 'done');
  assert.equal((await row('hook')).error, null);
});

test('faults of triggers are named with their place', () => {
  const problems = validateTriggers(
    [
      minutely,
      { ...minutely, params: { expression: '99 * * * *' } },
      { ...minutely, key: 'zone', params: { expression: '* * * * *', timezone: 'Mars/X' } },
      hook({ auth: 'hmac' }),
      hook({}, 'bare'),
      hook({ auth: 'none', extra: 1 }, 'more'),
    ],
    { nowMs: START, hasInputSchema: false },
  );
  assert.deepEqual(
    problems.map((problem) => `${problem.path} ${problem.code}`),
    [
      'triggers[1].key duplicate_trigger',
      'triggers[1].params.expression invalid_cron',
      'triggers[2].params.timezone invalid_timezone',
      'triggers[3].params.secret missing_secret',
      'triggers[4].params.auth invalid_trigger',
      'triggers[5].params invalid_trigger',
    ],
  );
});
