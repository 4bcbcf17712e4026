/** Tells people together of ends of instances that come in bursts: the first at once, then at most one e-mail every five minutes with all since, and in the
 *  inbox one entry that counts while it is young and unread. Never folds what goes to webhooks, nor what asks somebody to act.
 *  One thing to know: what is told together is found by `fold`, the workflow, how its instances ended, and to whom. */
import type { Sql } from '../store/client.ts';
import { growDelivery, lockLastDeliveries, type NewDelivery } from '../store/notification-deliveries.ts';
import { growNotification, lockOpenNotifications, type Fold, type NewNotification, type Occurrence } from '../store/notifications.ts';
import { mailBody, messageOfEnds, type Message } from './message.ts';

/** A row before it is known what it is told with. */
export interface Foldable {
  readonly message: Message;
  readonly origin: string | null;
}

export type FoldableDelivery = NewDelivery & { readonly of: Foldable };
export type FoldableNotification = NewNotification & { readonly of: Foldable };

/** Long enough that a night of failures is a dozen mails an hour, short enough to be news. */
export const APART_MS = 5 * 60_000;
/** Ends named in a message. */
const SHOWN = 5;

/** How a message is told with others; null when it stands alone. @param to whom: the fold is theirs */
export function foldOf(message: Message, to: string): Fold | null {
  if (message.end === undefined || message.workflowId === null || message.instanceId === null) return null;
  return { key: `${message.workflowId}/${message.kind}/${to}`, count: 1, shown: [{ instanceId: message.instanceId, text: message.end.text }] };
}

function add(fold: Fold, more: readonly Occurrence[]): Fold {
  return { ...fold, count: fold.count + more.length, shown: [...fold.shown, ...more].slice(0, SHOWN) };
}

/** Adds to what waits to be sent. @returns the rows that are new */
export async function foldDeliveries(sql: Sql, rows: readonly FoldableDelivery[]): Promise<readonly NewDelivery[]> {
  const kept: NewDelivery[] = [];
  const groups = grouped(rows, kept);
  if (groups.size === 0) return kept;
  const since = new Date((rows[0]?.now.getTime() ?? 0) - APART_MS);
  const last = await lockLastDeliveries(sql, { folds: [...groups.keys()], since });
  for (const [key, [first, ...others]] of groups) {
    const before = last.get(key);
    const ends = [first, ...others].flatMap((row) => row.fold?.shown ?? []);
    if (before?.isOpen === true) {
      const fold = add(before, ends);
      const message = messageOfEnds(first.of.message, fold);
      await growDelivery(sql, { ...fold, id: before.id, title: message.title, body: mailBody(message, first.of.origin) });
      continue;
    }
    const fold = add({ key, count: 0, shown: [] }, ends);
    const message = messageOfEnds(first.of.message, fold);
    const dueAt = before === undefined ? first.now : new Date(before.dueAt.getTime() + APART_MS);
    const { title, instanceId, stepPath } = message;
    kept.push({ ...first, title, instanceId, stepPath, body: mailBody(message, first.of.origin), dueAt, fold });
  }
  return kept;
}

/** Adds to entries that are young and unread. @returns the rows that are new, and the entries that tell more now */
export async function foldNotifications(
  sql: Sql,
  rows: readonly FoldableNotification[],
): Promise<{ readonly made: readonly NewNotification[]; readonly grown: readonly NewNotification[] }> {
  const made: NewNotification[] = [];
  const grown: NewNotification[] = [];
  const groups = grouped(rows, made);
  if (groups.size === 0) return { made, grown };
  const since = new Date((rows[0]?.now.getTime() ?? 0) - APART_MS);
  const open = await lockOpenNotifications(sql, { folds: [...groups.keys()], since });
  for (const [key, [first, ...others]] of groups) {
    const before = open.get(key);
    const fold = add(
      before ?? { key, count: 0, shown: [] },
      [first, ...others].flatMap((row) => row.fold?.shown ?? []),
    );
    const { title, body, instanceId, stepPath } = messageOfEnds(first.of.message, fold);
    const row = { ...first, id: before?.id ?? first.id, title, body, instanceId, stepPath, fold };
    if (before === undefined) made.push(row);
    else {
      await growNotification(sql, { ...fold, id: before.id, title, body });
      grown.push(row);
    }
  }
  return { made, grown };
}

/** @param alone is given the rows that stand alone */
function grouped<Row extends { readonly fold: Fold | null }>(rows: readonly Row[], alone: Omit<Row, 'of'>[]): Map<string, [Row, ...Row[]]> {
  const groups = new Map<string, [Row, ...Row[]]>();
  for (const row of rows) {
    if (row.fold === null) alone.push(row);
    else {
      const group = groups.get(row.fold.key);
      if (group === undefined) groups.set(row.fold.key, [row]);
      else group.push(row);
    }
  }
  return groups;
}
