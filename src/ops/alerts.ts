/** Studio's own alerts: looks every few seconds, keeps what is open in the database, tells each once when it begins and once when it is over: in the app, by e-mail
 *  and to a webhook. Decides nothing itself (alert-rules.ts, alert-state.ts do).
 *  One thing to know: while the database is away nothing durable can be told; then it is told at once where that needs no database, and recorded when it is back. */
import type * as z from 'zod';
import { alertSettings, type Alert, type AlertSettings } from '../contract/alerts.ts';
import type { Json } from '../contract/endpoint.ts';
import type { NotifyTarget } from '../contract/notifications.ts';
import { alertRules } from '../contract/values.ts';
import type { Gpu } from '../gpu/device.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import { createTurns } from '../kernel/turns.ts';
import { deleteAlertsBefore, insertAlert, listAlerts, listOpenAlerts, resolveAlert, type AlertRow } from '../store/alerts.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database, Sql } from '../store/client.ts';
import { readMachineSetting, writeMachineSetting } from '../store/machine.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { readingsOf, type Reading } from './alert-rules.ts';
import { keyOf, stepAlerts, type AlertTrack, type AlertTracks } from './alert-state.ts';
import { alertHelp, helpPath } from './help/links.ts';
import type { AlertFigures } from './alert-metrics.ts';
import type { Vitals } from './vitals.ts';
import type { Watched } from './watched.ts';
import type { WorkMeter, WorkTotals } from './work-meter.ts';

export interface AlertParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly vitals: Vitals;
  readonly watched: Pick<Watched, 'backup'>;
  readonly meter: Pick<WorkMeter, 'errorRate' | 'totals'>;
  readonly gpus: () => readonly Gpu[];
  /** Tells administrators and `targets`. @param key the same for every try to tell it */
  readonly tell: (
    message: AlertMessage,
    targets: readonly NotifyTarget[],
  ) => Promise<{ readonly notifications: number; readonly deliveries: readonly string[] } | undefined>;
  /** The same without the database: those targets that can be reached so. Never rejects. */
  readonly tellNow: (message: AlertMessage, targets: readonly NotifyTarget[]) => Promise<void>;
}

export interface AlertMessage {
  readonly key: string;
  readonly title: string;
  readonly body: string;
}

export interface AlertAuthor {
  readonly actor: string;
  readonly orgId: string;
  readonly address: string;
  readonly requestId: string;
}

export interface Alerts {
  start(): Promise<void>;
  stop(): Promise<void>;
  list(query: { readonly status: 'open' | 'resolved' | undefined; readonly after: string | undefined; readonly limit: number }): Promise<Alert[]>;
  readonly settings: AlertSettings;
  setSettings(settings: AlertSettings, author: AlertAuthor): Promise<AlertSettings>;
  test(id: string): Promise<{ notifications: number; deliveries: string[] }>;
  figures(): readonly AlertFigures[];
  /** One look, as the timer does it. */
  look(): Promise<void>;
}

const LOOK_MS = 10_000;
/** A start is no outage: workers beat and devices are read by then. */
const SETTLE_MS = 60_000;
export const ALERTS_KEPT_MS = 90 * 86_400_000;
const SETTING = 'alerts';
const ALIVE = 'alive';
/** Silent for longer without having been stopped: it was down. */
const DOWN_MS = 90_000;

export function createAlerts(parts: AlertParts): Alerts {
  const { database, clock, log } = parts;
  const sql = database.engine;
  const turns = createTurns();
  let settings: AlertSettings = alertSettings.parse({});
  let tracks: AlertTracks = new Map();
  let settledMs = Infinity;
  let before: WorkTotals = parts.meter.totals();
  /** Told past the database already: not told so again. */
  const toldNow = new Set<string>();
  let cancel = (): void => undefined;
  let isStopped = false;

  async function readings(nowMs: number): Promise<readonly Reading[]> {
    const snapshot = await parts.vitals.read();
    const totals = parts.meter.totals();
    const since = (of: (one: WorkTotals) => number): number => Math.max(0, of(totals) - of(before));
    const facts = {
      ...{
        nowMs,
        snapshot,
        gpus: parts.gpus(),
        backup: parts.watched.backup(),
        loopDelayMs: parts.vitals.loopDelayMs('alerts'),
        errorRate: parts.meter.errorRate(),
      },
      ...{ ended: totals.steps + totals.jobs, requests: since((one) => one.requests), failedRequests: since((one) => one.failedRequests) },
    };
    before = totals;
    return readingsOf(facts, settings);
  }

  async function look(): Promise<void> {
    if (!settings.enabled) return;
    const nowMs = clock.now();
    const moves = stepAlerts(tracks, await readings(nowMs), { nowMs, settledMs, clearMs: settings.clearS * 1_000 });
    const next = new Map<string, AlertTrack>(moves.tracks);
    tracks = next;
    // Serial: few, and each is told before the next.
    for (const reading of moves.fire)
      if (await fire(reading, nowMs)) next.set(keyOf(reading), { badSinceMs: reading.beganMs, goodSinceMs: null, isOpen: true });
    for (const key of moves.resolve) if (await resolve(key, nowMs)) next.delete(key);
    if (moves.fire.length === 0) await stamp(nowMs);
  }

  /** @returns whether it stands; otherwise the next look tries again */
  async function fire(reading: Reading & { readonly beganMs: number }, nowMs: number): Promise<boolean> {
    const { rule, subject, severity, title, body } = reading;
    const row: AlertRow = {
      ...{ id: newId('alr', clock), rule, subject, severity, title, body, beganAt: new Date(reading.beganMs), firedAt: new Date(nowMs), resolvedAt: null },
    };
    try {
      const isNew = await write(row, 'ops:alert:fired');
      toldNow.delete(keyOf(reading));
      if (!isNew) return true;
      log[severity === 'critical' ? 'error' : 'warn']({ rule, subject, since: row.beganAt.toISOString() }, title);
      await parts.tell(messageOfAlert(row), targetsOf(settings));
      return true;
    } catch (error) {
      if (!toldNow.has(keyOf(reading))) {
        toldNow.add(keyOf(reading));
        log.error({ rule, subject, cause: messageOf(error) }, title);
        await parts.tellNow(messageOfAlert(row), targetsOf(settings));
      }
      return false;
    }
  }

  async function resolve(key: string, nowMs: number): Promise<boolean> {
    const [rule = '', ...subject] = key.split('/');
    try {
      const row = await resolveAlert(sql, { rule, subject: subject.join('/'), now: new Date(nowMs) });
      if (row === undefined) return true;
      log.info({ rule, subject: row.subject, forMs: nowMs - row.firedAt.getTime() }, `over: ${row.title}`);
      await announce(sql, 'ops:alert:resolved', row);
      const minutes = Math.max(1, Math.round((nowMs - row.beganAt.getTime()) / 60_000));
      if (settings.tellResolved)
        await parts.tell(
          { key: `${row.id}/over`, title: `Over: ${row.title}`, body: `It was so for about ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.` },
          targetsOf(settings),
        );
      return true;
    } catch (error) {
      log.warn({ cause: messageOf(error), rule }, 'the end of an alert could not be told; tried again');
      return false;
    }
  }

  async function write(row: AlertRow, type: 'ops:alert:fired' | 'ops:alert:resolved'): Promise<boolean> {
    const isNew = await sql.transaction(async (tx) => {
      if (!(await insertAlert(tx, row))) return false;
      await announceIn(tx, type, row);
      return true;
    });
    database.announce();
    return isNew;
  }

  async function announce(pool: Database['engine'], type: 'ops:alert:fired' | 'ops:alert:resolved', row: AlertRow): Promise<void> {
    await pool.transaction((tx) => announceIn(tx, type, row));
    database.announce();
  }

  async function announceIn(tx: Sql, type: 'ops:alert:fired' | 'ops:alert:resolved', row: AlertRow): Promise<void> {
    const sequence = await nextSequence(tx, 'system', 'alerts');
    const payload = { id: row.id, rule: row.rule, subject: row.subject, severity: row.severity, title: row.title };
    await writeEvents(tx, [{ kind: 'system', id: 'alerts', sequence, type, orgId: null, payload }]);
  }

  /** So that the next start knows how long nobody was there. */
  async function stamp(nowMs: number, stopped = false): Promise<void> {
    await writeMachineSetting(sql, { key: ALIVE, value: { atMs: nowMs, stopped }, now: new Date(nowMs) }).catch(() => undefined);
  }

  async function tellOutage(nowMs: number): Promise<void> {
    const last = await readMachineSetting(sql, ALIVE);
    if (typeof last !== 'object' || last === null || Array.isArray(last) || last['stopped'] === true || typeof last['atMs'] !== 'number') return;
    const silentMs = nowMs - last['atMs'];
    if (silentMs < DOWN_MS || settings.muted.includes('api') || !settings.enabled) return;
    const title = `Studio was down for ${Math.max(1, Math.round(silentMs / 60_000))} min`;
    const body = `Nothing was heard of it from ${new Date(last['atMs']).toISOString()} to ${new Date(nowMs).toISOString()}, and nobody had stopped it. The log before that time says why.`;
    const row: AlertRow = {
      ...{ id: newId('alr', clock), rule: 'api', subject: 'down', severity: 'critical', title, body },
      ...{ beganAt: new Date(last['atMs']), firedAt: new Date(nowMs), resolvedAt: new Date(nowMs) },
    };
    await write(row, 'ops:alert:fired');
    await parts.tell(messageOfAlert(row), targetsOf(settings));
  }

  function arm(): void {
    cancel = clock.after(LOOK_MS, () => {
      turns
        .take(look)
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'alerts could not be looked at; looked again'))
        .finally(() => void (isStopped || arm()));
    });
  }

  return {
    async start() {
      const nowMs = clock.now();
      settledMs = nowMs + SETTLE_MS;
      settings = await readAlertSettings(sql);
      const open = await listOpenAlerts(sql);
      tracks = new Map(open.map((row) => [keyOf(row), { badSinceMs: row.beganAt.getTime(), goodSinceMs: null, isOpen: true }]));
      await deleteAlertsBefore(sql, new Date(nowMs - ALERTS_KEPT_MS));
      await tellOutage(nowMs);
      arm();
    },
    async stop() {
      isStopped = true;
      cancel();
      await turns.over();
      await stamp(clock.now(), true);
    },
    async list({ status, after, limit }) {
      const rows = await listAlerts(sql, { isOpen: status === undefined ? undefined : status === 'open', after, limit });
      return rows.map(toAlert);
    },
    get settings() {
      return settings;
    },
    async setSettings(wanted, author) {
      await turns.take(async () => {
        const now = new Date(clock.now());
        await sql.transaction(async (tx) => {
          await writeMachineSetting(tx, { key: SETTING, value: wanted as Json, now });
          await insertAudit(tx, {
            id: newId('aud', clock),
            orgId: author.orgId,
            at: now,
            actor: author.actor,
            action: 'alerts.settings_set',
            address: author.address,
            details: { enabled: wanted.enabled, muted: wanted.muted },
          });
        });
        settings = wanted;
      });
      return settings;
    },
    async test(id) {
      const message = { key: `test/${id}`, title: 'A test alert from Studio', body: 'This is a test. Alerts of this machine will look like it.' };
      const told = await parts.tell(message, targetsOf(settings));
      return { notifications: told?.notifications ?? 0, deliveries: [...(told?.deliveries ?? [])] };
    },
    figures: () => alertRules.map((rule) => ({ rule, firing: [...tracks].filter(([key, track]) => track.isOpen && key.startsWith(`${rule}/`)).length })),
    look: () => turns.take(look),
  };
}

function messageOfAlert(row: AlertRow): AlertMessage {
  return { key: row.id, title: row.title, body: `${row.body}\nWhat to do: ${helpPath(alertHelp[row.rule])}` };
}

/** As they were set last; without, or when a newer Studio wrote them: as they come. */
export async function readAlertSettings(sql: Sql): Promise<AlertSettings> {
  const kept = alertSettings.safeParse(await readMachineSetting(sql, SETTING));
  return kept.success ? kept.data : alertSettings.parse({});
}

function targetsOf({ email, webhook }: z.infer<typeof alertSettings>): readonly NotifyTarget[] {
  return [
    ...(email.length === 0 ? [] : [{ channel: 'email' as const, to: email }]),
    ...(webhook === null
      ? []
      : [
          {
            channel: 'webhook' as const,
            ...(webhook.url === undefined ? {} : { url: webhook.url }),
            ...(webhook.urlSecret === undefined ? {} : { urlSecret: webhook.urlSecret }),
            ...(webhook.secret === undefined ? {} : { secret: webhook.secret }),
          },
        ]),
  ];
}

function toAlert({ beganAt, firedAt, resolvedAt, ...row }: AlertRow): Alert {
  return {
    ...row,
    help: helpPath(alertHelp[row.rule]),
    beganAt: beganAt.toISOString(),
    firedAt: firedAt.toISOString(),
    resolvedAt: resolvedAt?.toISOString() ?? null,
  };
}
