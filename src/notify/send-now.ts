/** Sends a message past the database: for when the database itself is what is wrong. Once, to what needs no look-up; how it went stands in the log alone. */
import type { NotifyTarget } from '../contract/notifications.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import type { Mailer } from './mailer.ts';
import { bodyOf, mailBody, titleOf, webhookBody, type Message } from './message.ts';

const TIMEOUT_MS = 10_000;

export async function sendNow(
  given: { readonly key: string; readonly title: string; readonly body: string },
  targets: readonly NotifyTarget[],
  parts: { readonly mailer: Mailer | undefined; readonly http: Pick<Egress, 'request'>; readonly clock: Clock; readonly log: Logger },
): Promise<void> {
  const { clock, log } = parts;
  const message: Message = {
    kind: 'message',
    title: titleOf(given.title),
    body: bodyOf(given.body),
    workflowId: null,
    instanceId: null,
    stepPath: null,
    data: {},
  };
  const sends = targets.flatMap((target): readonly Promise<unknown>[] => {
    if (target.channel === 'email')
      return (target.to ?? [])
        .filter((one) => one.includes('@'))
        .map(async (to) => parts.mailer?.send({ id: given.key, to, subject: message.title, text: mailBody(message, null) }));
    if (target.channel !== 'webhook' || target.url === undefined) return [];
    const body = Buffer.from(webhookBody(message, { now: new Date(clock.now()), origin: null }));
    const headers = { 'content-type': 'application/json', 'webhook-id': given.key, 'idempotency-key': given.key };
    return [
      parts.http.request({ method: 'POST', url: target.url, headers, body, timeoutMs: TIMEOUT_MS, maxBytes: 65_536, signal: AbortSignal.timeout(TIMEOUT_MS) }),
    ];
  });
  for (const sent of await Promise.allSettled(sends))
    if (sent.status === 'rejected') log.warn({ key: given.key, cause: messageOf(sent.reason) }, 'a message could not be sent past the database');
}
