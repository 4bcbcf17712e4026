/** Notifications: follows what instances do, tells people in the app, and sends to webhooks and by e-mail. This file is the table of contents:
 *  it joins the parts and says what callers may ask. */
import type { Caller } from '../contract/caller.ts';
import type { Delivery, Notification, NotifyTarget } from '../contract/notifications.ts';
import type { Settings } from '../contract/settings.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { deleteOldDeliveries, findDeliveries, requeueDelivery } from '../store/notification-deliveries.ts';
import { readWorkflowFacts } from '../store/notification-rules.ts';
import { deleteOldNotifications, markAllRead, markRead } from '../store/notifications.ts';
import { createDeliver } from './deliver.ts';
import { createFollow } from './follow.ts';
import { createMailer } from './mailer.ts';
import { bodyOf, titleOf, type Message } from './message.ts';
import { rowsOf, tellInbox, writeRows, type Telling } from './rows.ts';
import { targetFault, type TargetFault } from './rules.ts';
import { sendNow } from './send-now.ts';

export interface NotifyParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settingsOf: (orgId: string) => Promise<Settings>;
  readonly httpOf: (orgId: string) => Pick<Egress, 'request'>;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  /** SMTP_URL and SMTP_FROM; without a URL there is no e-mail. */
  readonly smtp: { readonly url: string | undefined; readonly from: string | undefined };
  /** Random numbers in [0, 1), for jitter. */
  readonly random?: () => number;
}

/** A message of a step: told once, however often the step is tried. */
export interface StepMessage {
  readonly orgId: string;
  readonly workflowId: string;
  readonly instanceId: string;
  readonly path: string;
  /** The same for every attempt. */
  readonly key: string;
  readonly target: NotifyTarget;
  readonly title: string;
  readonly message: string;
}

/** What came of a message: how many inboxes have it, and the ids of its deliveries. */
export interface Told {
  readonly notifications: number;
  readonly deliveries: readonly string[];
}

export interface Notify {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Why a target can't be sent to; undefined when it can. */
  faultOf(target: NotifyTarget): TargetFault | undefined;
  /** Queues a step's message durably. Its attempts and its end stand in the deliveries. */
  send(message: StepMessage): Promise<Told>;
  /** Tells the administrators of an org, in the app and wherever the org's rules send what waits for somebody. @param key the same for every try to tell it */
  tellAdmins(
    orgId: string,
    message: { readonly key: string; readonly title: string; readonly body: string },
    /** Also these. */
    targets?: readonly NotifyTarget[],
  ): Promise<Told>;
  /** Tells targets at once, without the database: addresses, and webhooks by their URL. Nothing is recorded or tried again. Never rejects. */
  tellNow(
    message: { readonly key: string; readonly title: string; readonly body: string },
    targets: readonly NotifyTarget[],
    http: Pick<Egress, 'request'>,
  ): Promise<void>;
  /** Sends one e-mail at once, past the database: for what must not be kept in it. @returns undefined when this Studio sends none  @throws MailError */
  mailNow(mail: { readonly id: string; readonly to: string; readonly subject: string; readonly text: string }): Promise<'sent' | undefined>;
  /** Queues a test message; in the app and by e-mail to the caller unless it says to whom. @throws AppError invalid_body */
  test(caller: Caller, target: NotifyTarget, id: string): Promise<Told>;
  /** @throws AppError not_found */
  read(caller: Caller, id: string): Promise<Notification>;
  /** @returns how many were unread */
  readAll(caller: Caller): Promise<number>;
  /** @throws AppError not_found, conflict */
  retry(orgId: string, id: string): Promise<Delivery>;
}

const CLEAN_MS = 3_600_000;
const INBOX_KEPT_MS = 90 * 86_400_000;
/** Of those that were sent or given up. */
const DELIVERIES_KEPT_MS = 30 * 86_400_000;
const BITE = 5_000;

export function createNotify(parts: NotifyParts): Notify {
  const { database, clock, log } = parts;
  const sql = database.engine;
  const mailer = parts.smtp.url === undefined ? undefined : createMailer({ url: parts.smtp.url, from: parts.smtp.from });
  const deliver = createDeliver({ ...parts, mailer });
  const follow = createFollow({ ...parts, onMade: () => deliver.nudge() });
  let cancelClean = (): void => {};
  let isStopped = false;

  const tell = async (telling: Omit<Telling, 'origin'>): Promise<Told> => {
    const { publicOrigin: origin } = await parts.settingsOf(telling.orgId);
    const { rows, notifications } = await sql.transaction(async (tx) => {
      const made = await rowsOf(tx, clock, { ...telling, origin });
      await writeRows(tx, made);
      return { rows: made, notifications: made.notifications.length };
    });
    database.announce();
    deliver.nudge();
    return {
      notifications,
      deliveries: await findDeliveries(
        sql,
        rows.deliveries.map((row) => row.source),
      ),
    };
  };

  const clean = async (): Promise<void> => {
    const now = clock.now();
    // Serial: a bite at a time leaves the writers room.
    while (!isStopped && (await deleteOldNotifications(sql, { before: new Date(now - INBOX_KEPT_MS), limit: BITE })) === BITE) continue;
    while (!isStopped && (await deleteOldDeliveries(sql, { before: new Date(now - DELIVERIES_KEPT_MS), limit: BITE })) === BITE) continue;
  };
  const armClean = (): void => {
    if (isStopped) return;
    cancelClean = clock.after(CLEAN_MS, () => {
      clean()
        .catch((error: unknown) => log.warn({ cause: messageOf(error) }, 'old notifications could not be removed; tried again in an hour'))
        .finally(armClean);
    });
  };

  return {
    async start() {
      await follow.start();
      deliver.start();
      armClean();
    },
    async stop() {
      isStopped = true;
      cancelClean();
      await follow.stop();
      await deliver.stop();
    },
    faultOf: (target) => targetFault(target, { mail: mailer !== undefined }),
    async send(request) {
      const workflow = (await readWorkflowFacts(sql, [request.workflowId])).get(request.workflowId);
      const about = { workflowId: request.workflowId, instanceId: request.instanceId, stepPath: request.path };
      const message: Message = {
        kind: 'message',
        title: titleOf(request.title),
        body: bodyOf(request.message),
        ...about,
        data: workflow === undefined ? {} : { workflowName: workflow.name },
      };
      return tell({
        orgId: request.orgId,
        source: `step:${request.orgId}:${request.path}:${request.key}`,
        message,
        targets: [request.target],
        publisher: workflow?.publishedBy ?? null,
      });
    },
    async tellAdmins(orgId, { key, title, body }, targets = []) {
      const { notifications } = await parts.settingsOf(orgId);
      const beyond = notifications.flatMap(({ on, ...target }): NotifyTarget[] => (on.includes('failed') && target.channel !== 'in_app' ? [target] : []));
      const message: Message = { kind: 'message', title: titleOf(title), body: bodyOf(body), workflowId: null, instanceId: null, stepPath: null, data: {} };
      return tell({
        orgId,
        source: `machine:${orgId}:${key}`,
        message,
        targets: [{ channel: 'in_app', to: ['admins'] }, ...beyond, ...targets],
        publisher: null,
      });
    },
    tellNow: (message, targets, http) => sendNow(message, targets, { mailer, http, clock, log }),
    async mailNow(mail) {
      if (mailer === undefined) return undefined;
      await mailer.send({ ...mail, subject: titleOf(mail.subject) });
      return 'sent';
    },
    async test(caller, target, id) {
      const fault = targetFault(target, { mail: mailer !== undefined });
      if (fault !== undefined) fail('invalid_body', `${fault.field}: ${fault.message}.`);
      const body = 'This is a test. Messages of your workflows will look like it.';
      const message: Message = { kind: 'test', title: 'A test from Studio', body, workflowId: null, instanceId: null, stepPath: null, data: {} };
      return tell({ orgId: caller.orgId, source: `test:${id}`, message, targets: [target], publisher: caller.userId });
    },
    async read(caller, id) {
      const { orgId, userId } = caller;
      const found = await sql.transaction(async (tx) => {
        const read = await markRead(tx, { orgId, userId, id, now: new Date(clock.now()) });
        if (read !== undefined) await tellInbox(tx, { orgId, userId }, 'notify:notification:read', { id });
        return read;
      });
      database.announce();
      return found ?? fail('not_found', `You have no notification ${id}.`);
    },
    async readAll({ orgId, userId }) {
      const count = await sql.transaction(async (tx) => {
        const read = await markAllRead(tx, { orgId, userId, now: new Date(clock.now()) });
        if (read > 0) await tellInbox(tx, { orgId, userId }, 'notify:notification:read', {});
        return read;
      });
      database.announce();
      return count;
    },
    async retry(orgId, id) {
      const requeued = await requeueDelivery(sql, { orgId, id, now: new Date(clock.now()) });
      if (requeued === undefined) fail('not_found', `There is no delivery ${id}.`);
      if (requeued === 'moving') fail('conflict', `Delivery ${id} was sent, or is on its way; only one that failed can be sent again.`);
      deliver.nudge();
      return requeued;
    },
  };
}
