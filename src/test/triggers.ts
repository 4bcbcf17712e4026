/** Triggers of one workflow (`wf_1` of `org_a`) on a real database with a fake clock; in place of the engine a row an instance.
 *  Owns its database: `reset` before each test, `close` at the end. */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import type { Caller } from '../contract/caller.ts';
import type { Trigger } from '../contract/graph.ts';
import type { TriggeredStart } from '../engine/schedule.ts';
import { syncTriggers } from '../engine/trigger-rows.ts';
import { createTriggers, type Triggers } from '../engine/triggers.ts';
import type { WebhookRequest } from '../engine/webhooks.ts';
import { AppError } from '../kernel/fail.ts';
import { Broadcast } from '../realtime/envelope.ts';
import type { Database, Sql } from '../store/client.ts';
import { upsertSecret } from '../store/secrets.ts';
import { silentLog, testDatabase, type TestDatabase } from './database.ts';
import { fakeClock, type FakeClock } from './fake-clock.ts';

/** When every test begins. */
export const START = Date.UTC(2026, 0, 1, 0, 0, 30);
/** The value of the secret HOOK. */
export const SECRET = 'whsec';

/** Every minute, in UTC. */
export const minutely: Trigger = { key: 'tick', type: 'cron', params: { expression: '* * * * *', timezone: 'UTC' }, enabled: true };
export const hook = (params: Record<string, unknown>, key = 'hook'): Trigger => ({
  key,
  type: 'webhook',
  params: params as Trigger['params'],
  enabled: true,
});

const caller: Caller = { userId: 'user_1', orgId: 'org_a', role: 'user', scopes: null, via: 'token', sessionId: 's', keyId: null };
/** What a switch or a rotation is asked with. */
export const command = (key: string, more: Partial<Caller> = {}) => ({
  caller: { ...caller, ...more },
  address: '127.0.0.1',
  workflowId: 'wf_1',
  key,
  requestId: 'req_1',
});

/** A call without proof. */
export function webhookRequest(token: string, more: Partial<WebhookRequest> = {}): WebhookRequest {
  return { token, method: 'POST', headers: new Headers(), query: new URLSearchParams(), body: Buffer.alloc(0), requestId: 'req_1', ...more };
}

/** The code of the refusal; `done` when there was none. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
}

interface Seen {
  readonly id: string;
  readonly started_by: string;
  readonly input: string;
}

interface TriggerState {
  readonly enabled: boolean;
  readonly token: string;
  readonly next: Date | null;
  readonly error: string | null;
}

export interface TriggerRig {
  readonly db: TestDatabase;
  /** A new one for each test. */
  readonly clock: FakeClock;
  /** Values by `org/name`. */
  readonly secrets: Map<string, string>;
  reset(): Promise<void>;
  create(options?: { readonly database?: Database; readonly start?: (start: TriggeredStart) => Promise<void> }): Triggers;
  /** The engine's part: a row an id, whoever asks for it. */
  insertInstance(start: TriggeredStart): Promise<void>;
  /** What publishing does. */
  sync(triggers: readonly Trigger[]): Promise<void>;
  instances(): Promise<readonly Seen[]>;
  row(key: string): Promise<TriggerState>;
  /** Lets a schedule's look, which asks the real database, come to its end. */
  untilFired(count: number): Promise<void>;
  /** A call that is signed now. */
  signedRequest(token: string, body: string, secret?: string, delivery?: string): WebhookRequest;
  close(): Promise<void>;
}

export async function triggerRig(): Promise<TriggerRig> {
  const db = await testDatabase();
  const sql = db.database.engine;
  let clock = fakeClock(START);
  const secrets = new Map<string, string>();

  const rig: TriggerRig = {
    db,
    get clock() {
      return clock;
    },
    secrets,
    async reset() {
      await sql.query('delete from instances');
      await sql.query('delete from orgs');
      await sql.query(`insert into orgs (id, name) values ('org_a', 'A'), ('org_b', 'B')`);
      await sql.query(`insert into workflows (id, org_id, name, version) values ('wf_1', 'org_a', 'w', 1)`);
      await sql.query(
        `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count) values ('wf_1', 1, 'org_a', '{}', '', 0)`,
      );
      clock = fakeClock(START);
      secrets.clear();
      secrets.set('org_a/HOOK', SECRET);
      await upsertSecret(sql, { orgId: 'org_a', name: 'HOOK', ciphertext: Buffer.from('sealed'), keyId: 'k', now: new Date(START) });
    },
    create({ database = db.database, start = (one: TriggeredStart) => insertInstance(database.engine, one) } = {}) {
      return createTriggers({
        database,
        clock,
        log: silentLog,
        secrets: { read: async (orgId, name) => secrets.get(`${orgId}/${name}`) },
        start,
        cancel: async ({ id }) => void (await database.engine.query(`update instances set status = 'cancelled' where id = $1`, [id])),
        envelopeOf: (event) => new Broadcast(event).envelope(),
      });
    },
    insertInstance: (start) => insertInstance(sql, start),
    sync: (triggers) => sql.transaction((tx) => syncTriggers(tx, { orgId: 'org_a', workflowId: 'wf_1', triggers, nowMs: clock.now() })),
    async instances() {
      return (await sql.query<Seen & Record<string, unknown>>('select id, started_by, input from instances order by id')).rows;
    },
    async row(key) {
      const { rows } = await sql.query<TriggerState & Record<string, unknown>>(
        `select enabled, token, next_fire_at as next, last_error as error from triggers where workflow_id = 'wf_1' and key = $1`,
        [key],
      );
      assert.ok(rows[0]);
      return rows[0];
    },
    async untilFired(count) {
      while ((await rig.instances()).length < count) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 20));
    },
    signedRequest(token, body, secret = SECRET, delivery = randomBytes(6).toString('hex')) {
      const seconds = String(Math.floor(clock.now() / 1_000));
      const signature = createHmac('sha256', secret).update(`${delivery}.${seconds}.${body}`).digest('hex');
      return webhookRequest(token, {
        body: Buffer.from(body),
        headers: new Headers({
          'content-type': 'application/json',
          'x-studio-delivery': delivery,
          'x-studio-timestamp': seconds,
          'x-studio-signature': `sha256=${signature}`,
        }),
      });
    },
    close: () => db.close(),
  };
  return rig;
}

async function insertInstance(sql: Sql, start: TriggeredStart): Promise<void> {
  await sql.query(
    `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq) values ($1, $2, $3, 1, 'running', $4, 50, $5, 1) on conflict (id) do nothing`,
    [start.id, start.orgId, start.workflowId, JSON.stringify(start.input), start.startedBy],
  );
}
