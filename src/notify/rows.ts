/** From a message and its targets to rows: one for each inbox, webhook and address. Nobody is told twice of one source, however many
 *  rules name them. Writes them with the events of the inboxes; call it in the transaction of what is told of. */
import { randomUUID } from 'node:crypto';
import type { NotifyTarget } from '../contract/notifications.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import { derivedId, newId } from '../kernel/ids.ts';
import type { Sql } from '../store/client.ts';
import { insertDeliveries, type NewDelivery } from '../store/notification-deliveries.ts';
import { findPeople } from '../store/notification-rules.ts';
import { countUnread, insertNotifications } from '../store/notifications.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { foldDeliveries, foldNotifications, foldOf, type FoldableDelivery, type FoldableNotification } from './fold.ts';
import { mailBody, webhookBody, type Message } from './message.ts';

export interface Telling {
  readonly orgId: string;
  /** What it is told of: the same for every try to tell it. */
  readonly source: string;
  readonly message: Message;
  readonly targets: readonly NotifyTarget[];
  /** Who `publisher`, and a target without `to`, means. */
  readonly publisher: string | null;
  /** Origin of links. */
  readonly origin: string | null;
}

export interface Rows {
  readonly notifications: readonly FoldableNotification[];
  readonly deliveries: readonly FoldableDelivery[];
}

/** @param sql to look up who is meant */
export async function rowsOf(sql: Sql, clock: Clock, telling: Telling): Promise<Rows> {
  const { orgId, message } = telling;
  const now = new Date(clock.now());
  const about = { workflowId: message.workflowId, instanceId: message.instanceId, stepPath: message.stepPath };
  const common = { ...about, orgId, kind: message.kind, title: message.title, now, of: { message, origin: telling.origin } };
  const notifications = new Map<string, FoldableNotification>();
  const deliveries = new Map<string, FoldableDelivery>();
  const deliver = (row: Pick<NewDelivery, 'channel' | 'target' | 'urlSecret' | 'signSecret' | 'body' | 'fold'>): void => {
    const source = `${telling.source}/${row.channel}/${row.target ?? `secret:${row.urlSecret}`}`;
    // Not newId: the id of one delivery says nothing of its neighbours'.
    deliveries.set(source, { ...common, ...row, dueAt: now, source, id: derivedId('dlv', now.getTime(), randomUUID()) });
  };
  // Serial: ten at most, on one connection.
  for (const target of telling.targets) {
    if (target.channel === 'webhook') {
      const body = webhookBody(message, { now, origin: telling.origin });
      deliver({ channel: 'webhook', target: target.url ?? null, urlSecret: target.urlSecret ?? null, signSecret: target.secret ?? null, body, fold: null });
      continue;
    }
    const to = target.to ?? ['publisher'];
    const people = await findPeople(sql, { orgId, to, publisher: telling.publisher });
    if (target.channel === 'in_app') {
      for (const { userId } of people) {
        const source = `${telling.source}/in_app/${userId}`;
        notifications.set(source, { ...common, id: newId('ntf', clock), userId, source, body: message.body, fold: foldOf(message, userId) });
      }
      continue;
    }
    const addresses = new Set([...people.map((person) => person.email), ...to.filter((one) => one.includes('@'))].map((address) => address.toLowerCase()));
    const body = mailBody(message, telling.origin);
    for (const address of addresses) deliver({ channel: 'email', target: address, urlSecret: null, signSecret: null, body, fold: foldOf(message, address) });
  }
  return { notifications: [...notifications.values()], deliveries: [...deliveries.values()] };
}

/** Writes rows, those that are told together as one, and tells the inboxes' owners. @returns how many notifications are new or tell more */
export async function writeRows(sql: Sql, rows: Rows): Promise<number> {
  await insertDeliveries(sql, await foldDeliveries(sql, rows.deliveries));
  const { made, grown } = await foldNotifications(sql, rows.notifications);
  const inserted = await insertNotifications(sql, made);
  const fresh = [...made.filter((row) => inserted.has(row.id)), ...grown];
  // Serial: one connection, and the sequences of an inbox follow each other.
  for (const row of fresh) await tellInbox(sql, row, 'notify:notification:created', { id: row.id, kind: row.kind, title: row.title });
  return fresh.length;
}

/** An event of the inbox of a person in an org, with the count of what is unread there. */
export async function tellInbox(
  sql: Sql,
  inbox: { readonly orgId: string; readonly userId: string },
  type: 'notify:notification:created' | 'notify:notification:read',
  payload: Record<string, Json>,
): Promise<void> {
  const { orgId, userId } = inbox;
  const sequence = await nextSequence(sql, 'notification', userId);
  const unread = await countUnread(sql, inbox);
  await writeEvents(sql, [{ kind: 'notification', id: userId, sequence, type, orgId, parent: `user:${userId}`, payload: { ...payload, unread } }]);
}
