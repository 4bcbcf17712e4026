/** Sends deliveries: claims what is due, sends it, records how it went; tries again for about a day, then gives it up, which the log and the
 *  list say and no notification does. A claim that says nothing (this process died) is made again, under the same id: the receiver tells them apart. */
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import { EgressError } from '../kernel/egress-error.ts';
import { messageOf } from '../kernel/fail.ts';
import { failpoint } from '../kernel/failpoint.ts';
import type { Logger } from '../kernel/log.ts';
import { backoffDelayMs } from '../kernel/retry.ts';
import type { Database } from '../store/client.ts';
import { claimDeliveries, readNextDelivery, recordAttempt, type ClaimedDelivery } from '../store/notification-deliveries.ts';
import { MailError, type Mailer } from './mailer.ts';
import { NO_SMTP } from './rules.ts';
import { signatureOf } from './signature.ts';

export interface DeliverParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** HTTP on behalf of an org. */
  readonly httpOf: (orgId: string) => Pick<Egress, 'request'>;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  readonly mailer: Mailer | undefined;
  /** Random numbers in [0, 1), for jitter. */
  readonly random?: () => number;
}

export interface Deliver {
  start(): void;
  /** Something is due: look at once. */
  nudge(): void;
  stop(): Promise<void>;
}

/** Ten attempts: after 10, 40, 160, 640 s, 43 min, 2.8 h, then every 6 h, in all about 22 h. */
const MAX_ATTEMPTS = 10;
const BACKOFF = { baseMs: 10_000, factor: 4, maxMs: 6 * 3_600_000, jitter: 0.1 };
/** Receivers should answer first and work later. */
const TIMEOUT_MS = 15_000;
/** Longer than any attempt: the mail server's silences included. */
const LEASE_MS = 90_000;
const MAX_REPLY_BYTES = 1024 * 1024;
/** At once in this process. */
const SLOTS = 8;
/** Other processes queue too. */
const LOOK_EVERY_MS = 5_000;
const MAX_ERROR_CHARS = 500;

/** How an attempt went; null: it was taken. */
type Fault = { readonly message: string; readonly isFinal: boolean } | null;

export function createDeliver(parts: DeliverParts): Deliver {
  const { database, clock, log } = parts;
  const stopping = new AbortController();
  const inFlight = new Set<Promise<void>>();
  let isRunning = false;
  let isLooking = false;
  let isNudged = false;
  let cancelTimer = (): void => {};

  const look = async (): Promise<void> => {
    if (!isRunning) return;
    if (isLooking) {
      isNudged = true;
      return;
    }
    isLooking = true;
    cancelTimer();
    let nextMs = LOOK_EVERY_MS;
    try {
      do {
        isNudged = false;
        await claim();
      } while (isRunning && isNudged && inFlight.size < SLOTS);
      const next = await readNextDelivery(database.engine);
      // Full slots: the end of one looks again.
      if (next !== undefined && inFlight.size < SLOTS) nextMs = Math.min(Math.max(next.getTime() - clock.now(), 50), LOOK_EVERY_MS);
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'deliveries could not be looked at; tried again in some seconds');
    } finally {
      isLooking = false;
    }
    // A nudge may have come behind the last claim.
    if (isRunning) cancelTimer = clock.after(isNudged && inFlight.size < SLOTS ? 0 : nextMs, () => void look());
  };

  const claim = async (): Promise<void> => {
    const now = clock.now();
    const free = SLOTS - inFlight.size;
    if (free <= 0) return;
    const claimed = await claimDeliveries(database.engine, { now: new Date(now), lostAt: new Date(now + LEASE_MS), limit: free });
    for (const delivery of claimed) {
      const work = attempt(parts, delivery, stopping.signal)
        .catch((error: unknown) =>
          log.warn({ deliveryId: delivery.id, cause: messageOf(error) }, 'how a delivery went could not be recorded; it is sent again'),
        )
        .finally(() => {
          inFlight.delete(work);
          void look();
        });
      inFlight.add(work);
    }
  };

  return {
    start() {
      isRunning = true;
      void look();
    },
    nudge: () => void look(),
    async stop() {
      isRunning = false;
      cancelTimer();
      stopping.abort(new Error('Studio stopped while it was sent'));
      await Promise.allSettled(inFlight);
      parts.mailer?.close();
    },
  };
}

async function attempt(parts: DeliverParts, delivery: ClaimedDelivery, stop: AbortSignal): Promise<void> {
  const { clock, log } = parts;
  await failpoint('notify.before_send');
  const fault = await sendOf(parts, delivery, stop);
  await failpoint('notify.sent');
  const now = clock.now();
  const { id, attempts } = delivery;
  const record = (row: Pick<Parameters<typeof recordAttempt>[1], 'status' | 'nextAt' | 'lastError'>): Promise<void> =>
    recordAttempt(parts.database.engine, { id, attempts, now: new Date(now), ...row });
  if (fault === null) return record({ status: 'sent', nextAt: null, lastError: null });
  const lastError = fault.message
    .replaceAll(/\p{Cc}/gu, ' ')
    .slice(0, MAX_ERROR_CHARS)
    .toWellFormed();
  if (stop.aborted) return record({ status: 'failed', nextAt: new Date(now), lastError });
  if (fault.isFinal || attempts >= MAX_ATTEMPTS) {
    log.warn(
      { deliveryId: id, orgId: delivery.orgId, channel: delivery.channel, attempts, cause: lastError },
      'a notification was given up; the list of deliveries has it',
    );
    return record({ status: 'dead', nextAt: null, lastError });
  }
  const delayMs = backoffDelayMs(BACKOFF, attempts, (parts.random ?? Math.random)());
  return record({ status: 'failed', nextAt: new Date(now + delayMs), lastError });
}

async function sendOf(parts: DeliverParts, delivery: ClaimedDelivery, stop: AbortSignal): Promise<Fault> {
  // Its process died that often while it was sent: something about it may be why.
  if (delivery.attempts > 2 * MAX_ATTEMPTS) return { message: `given up after ${delivery.attempts - 1} attempts that never came to an end`, isFinal: true };
  try {
    return delivery.channel === 'email' ? await mail(parts, delivery) : await post(parts, delivery, stop);
  } catch (error) {
    return { message: messageOf(error), isFinal: false };
  }
}

async function mail({ mailer }: DeliverParts, delivery: ClaimedDelivery): Promise<Fault> {
  if (mailer === undefined) return { message: NO_SMTP, isFinal: false };
  try {
    await mailer.send({ id: delivery.id, to: delivery.target ?? '', subject: delivery.title, text: delivery.body });
    return null;
  } catch (error) {
    return { message: messageOf(error), isFinal: error instanceof MailError && error.isFinal };
  }
}

async function post(parts: DeliverParts, delivery: ClaimedDelivery, stop: AbortSignal): Promise<Fault> {
  const secretOf = async (name: string): Promise<string> => {
    const value = await parts.secrets.read(delivery.orgId, name);
    if (value === undefined) throw new Error(`the secret "${name}" does not exist; set it (PUT /api/v1/secrets/${name}), then send this again`);
    return value;
  };
  const secretUrl = delivery.urlSecret === null ? undefined : (await secretOf(delivery.urlSecret)).trim();
  const timestamp = Math.floor(parts.clock.now() / 1_000);
  const signature =
    delivery.signSecret === null ? undefined : signatureOf(await secretOf(delivery.signSecret), { id: delivery.id, timestamp, body: delivery.body });
  try {
    const reply = await parts.httpOf(delivery.orgId).request({
      method: 'POST',
      url: secretUrl ?? delivery.target ?? '',
      headers: {
        'content-type': 'application/json',
        'webhook-id': delivery.id,
        'idempotency-key': delivery.id,
        'webhook-timestamp': String(timestamp),
        ...(signature === undefined ? {} : { 'webhook-signature': signature }),
      },
      body: Buffer.from(delivery.body),
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_REPLY_BYTES,
      signal: stop,
    });
    if (reply.status >= 200 && reply.status < 300) return null;
    // 410 says that nobody will ever take it there; Standard Webhooks ends with it.
    return { message: `the receiver answered ${reply.status}`, isFinal: reply.status === 410 };
  } catch (error) {
    const message = secretUrl === undefined ? messageOf(error) : messageOf(error).replaceAll(secretUrl, '***').replaceAll(secretUrl.slice(0, 200), '***');
    return { message, isFinal: error instanceof EgressError && error.code === 'egress_refused' };
  }
}
