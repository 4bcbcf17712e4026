/** Notifications on a real database with a fake clock: an org with people and a workflow whose instances a test lets end by their events. */
import type { NotifyRule } from '../contract/notifications.ts';
import type { EventType } from '../contract/events.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Settings } from '../contract/settings.ts';
import { createEgress } from '../kernel/egress.ts';
import { createNotify, type Notify } from '../notify/notify.ts';
import type { Database } from '../store/client.ts';
import { writeEvents } from '../store/outbox.ts';
import { silentLog, testDatabase, type TestDatabase } from './database.ts';
import { fakeClock, type FakeClock } from './fake-clock.ts';

export const notifySettings: Settings = {
  publicOrigin: 'https://studio.example.com',
  allowedHosts: ['127.0.0.1'],
  triggersPaused: false,
  notifications: [{ on: ['failed', 'waiting_approval'], channel: 'in_app' }],
  modelAliases: {},
  visibleModels: [],
  modelLimits: {},
};

export interface DeliveryRow {
  readonly id: string;
  readonly channel: string;
  readonly target: string | null;
  readonly status: string;
  readonly attempts: number;
  readonly nextAt: Date | null;
  readonly lastError: string | null;
}

export interface NotifyHarness {
  readonly db: TestDatabase;
  readonly clock: FakeClock;
  readonly secrets: Map<string, string>;
  settings: Settings;
  notify: Notify;
  /** Another Notify on the same data; started. */
  boot(options?: { readonly smtpUrl?: string; readonly database?: Database }): Promise<Notify>;
  /** A workflow of user_boss. @returns its id */
  workflow(name: string, rules?: readonly NotifyRule[]): Promise<string>;
  /** What the engine writes when something happens to an instance. */
  happens(
    instance: { readonly id: string; readonly workflowId: string; readonly parentId?: string },
    type: EventType,
    payload: Record<string, Json>,
  ): Promise<void>;
  inbox(
    userId: string,
  ): Promise<readonly { readonly id: string; readonly kind: string; readonly title: string; readonly body: string; readonly instanceId: string | null }[]>;
  deliveries(): Promise<readonly DeliveryRow[]>;
  until(done: () => Promise<boolean> | boolean, what: string): Promise<void>;
  close(): Promise<void>;
}

const people = [
  ['user_boss', 'boss@example.com', 'admin'],
  ['user_staff', 'staff@example.com', 'user'],
  ['user_other', 'other@example.com', 'user'],
] as const;

export async function notifyHarness(): Promise<NotifyHarness> {
  const db = await testDatabase();
  const sql = db.database.engine;
  const clock = fakeClock(Date.now());
  const started: Notify[] = [];
  let sequence = 0;
  await sql.query(`insert into orgs (id, name) values ('org_1', 'Test')`);
  for (const [id, email, role] of people) {
    await sql.query(`insert into users (id, email, name, password_hash) values ($1, $2, $1, 'x')`, [id, email]);
    await sql.query(`insert into members (org_id, user_id, role) values ('org_1', $1, $2)`, [id, role]);
  }
  const harness: NotifyHarness = {
    db,
    clock,
    secrets: new Map(),
    settings: notifySettings,
    notify: undefined as unknown as Notify,
    async boot(options = {}) {
      const notify = createNotify({
        database: options.database ?? db.database,
        clock,
        log: silentLog,
        settingsOf: () => Promise.resolve(harness.settings),
        httpOf: () => createEgress({ allowedHosts: () => Promise.resolve(harness.settings.allowedHosts) }),
        secrets: { read: (_orgId, name) => Promise.resolve(harness.secrets.get(name)) },
        smtp: { url: options.smtpUrl, from: undefined },
        random: () => 0,
      });
      started.push(notify);
      harness.notify = notify;
      await notify.start();
      return notify;
    },
    async workflow(name, rules) {
      const id = `wf_${name.replaceAll(/[^a-z0-9]/gi, '')}`;
      const definition = { nodes: [], edges: [], settings: rules === undefined ? {} : { notify: rules } };
      await sql.query(`insert into workflows (id, org_id, name, version) values ($1, 'org_1', $2, 1)`, [id, name]);
      await sql.query(
        `insert into workflow_versions (workflow_id, version, org_id, definition, structural_hash, node_count, published_by) values ($1, 1, 'org_1', $2, 'x', 0, 'user_boss')`,
        [id, JSON.stringify(definition)],
      );
      return id;
    },
    async happens(instance, type, payload) {
      if (instance.parentId !== undefined)
        await sql.query(
          `insert into instances (id, org_id, workflow_id, version, status, input, priority, started_by, seq, parent_id) values ($1, 'org_1', $2, 1, 'failed', '{}', 50, 'x', 1, $3)`,
          [instance.id, instance.workflowId, instance.parentId],
        );
      sequence += 1;
      await writeEvents(sql, [{ kind: 'instance', id: instance.id, sequence, type, orgId: 'org_1', parent: `workflow:${instance.workflowId}`, payload }]);
      db.database.announce();
    },
    async inbox(userId) {
      const { rows } = await sql.query<{ id: string; kind: string; title: string; body: string; instanceId: string | null }>(
        `select id, kind, title, body, instance_id as "instanceId" from notifications where user_id = $1 order by id`,
        [userId],
      );
      return rows;
    },
    async deliveries() {
      const { rows } = await sql.query<{ id: string } & DeliveryRow>(
        `select id, channel, target, status, attempts, next_at as "nextAt", last_error as "lastError" from notification_deliveries order by created_at, target`,
      );
      return rows;
    },
    async until(done, what) {
      // Bounded by turns, not by a clock: each turn lets the database and the receivers answer.
      for (let turn = 0; turn < 2_000; turn++) {
        if (await done()) return;
        await clock.advance(10);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      throw new Error(`still waiting: ${what}`);
    },
    async close() {
      for (const notify of started) await notify.stop();
      await db.close();
    },
  };
  return harness;
}
