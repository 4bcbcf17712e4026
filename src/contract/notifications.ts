/** Notifications: rules (who is told what of instances), a person's inbox, and what is sent to webhooks and by e-mail. */
import * as z from 'zod';
import { endpoint, page, pageQuery, timestamp } from './endpoint.ts';
import { secretName } from './secrets.ts';
import { deliveryStatuses, notificationChannels, notificationKinds } from './values.ts';

/** An address, a member's id, or a word for several: `publisher` (of the workflow's newest version), `admins`, `members`. */
export const recipient = z
  .string()
  .max(254)
  .regex(
    /^(publisher|admins|members|user_[0-9a-z]{26}|[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189})$/,
    'an e-mail address, a user id, publisher, admins or members',
  );
export type Recipient = z.infer<typeof recipient>;

export const webhookUrl = z
  .string()
  .max(2_048)
  .regex(/^https?:\/\/[!-~]{1,2040}$/, 'a URL begins with https:// or http://');

const people = {
  /** Default: the publisher of the workflow, or the administrators where that person is gone. In the app only members hear. */
  to: z.array(recipient).min(1).max(50).optional(),
};
const hook = {
  url: webhookUrl.optional(),
  /** Name of the org secret that holds the URL; in place of `url`. */
  urlSecret: secretName.optional(),
  /** Name of the org secret that signs, as Standard Webhooks do. */
  secret: secretName.optional(),
};

/** Where a message goes. A webhook has exactly one of `url` and `urlSecret`. */
export const notifyTarget = z.discriminatedUnion('channel', [
  z.strictObject({ channel: z.literal('in_app'), ...people }),
  z.strictObject({ channel: z.literal('email'), ...people }),
  z.strictObject({ channel: z.literal('webhook'), ...hook }),
]);
export type NotifyTarget = z.infer<typeof notifyTarget>;

const on = {
  on: z
    .array(z.enum(['failed', 'completed', 'cancelled', 'waiting_approval']))
    .min(1)
    .max(4),
};

/** Of instances that end alike a person hears at once, then at most every five minutes, of all since: how many, and the first few. A webhook hears of each. */
const notifyRule = z.discriminatedUnion('channel', [
  z.strictObject({ ...on, channel: z.literal('in_app'), ...people }),
  z.strictObject({ ...on, channel: z.literal('email'), ...people }),
  z.strictObject({ ...on, channel: z.literal('webhook'), ...hook }),
]);
export type NotifyRule = z.infer<typeof notifyRule>;

export const notifyRules = z.array(notifyRule).max(10);

const link = { workflowId: z.string().nullable(), instanceId: z.string().nullable(), stepPath: z.string().nullable() };

export const notification = z.strictObject({
  id: z.string(),
  kind: z.enum(notificationKinds),
  title: z.string(),
  body: z.string(),
  /** Ends of instances of one workflow that it tells of; with more than one `instanceId` is null. */
  count: z.int(),
  ...link,
  readAt: timestamp.nullable(),
  createdAt: timestamp,
});
export type Notification = z.infer<typeof notification>;

export const delivery = z.strictObject({
  /** Sent along as `webhook-id`, `idempotency-key` or Message-ID: the same for every attempt. */
  id: z.string(),
  channel: z.enum(['webhook', 'email']),
  /** A URL, an address, or `secret:NAME`. */
  target: z.string(),
  kind: z.enum(notificationKinds),
  title: z.string(),
  /** As in a notification. Webhooks are told of each end. */
  count: z.int(),
  ...link,
  status: z.enum(deliveryStatuses),
  attempts: z.int(),
  nextAt: timestamp.nullable(),
  lastError: z.string().nullable(),
  createdAt: timestamp,
  endedAt: timestamp.nullable(),
});
export type Delivery = z.infer<typeof delivery>;

const byId = z.strictObject({ id: z.string().max(64) });

export const notificationEndpoints = [
  endpoint({
    key: 'GET /api/v1/notifications',
    tag: 'notifications',
    summary: "List one's notifications",
    query: z.strictObject({ ...pageQuery, unread: z.enum(['true', 'false']).optional() }),
    status: 200,
    reply: page(notification).extend({ unread: z.int() }),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/notifications/{id}/read',
    tag: 'notifications',
    summary: 'Mark a notification as read',
    params: byId,
    status: 200,
    reply: notification,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/notifications/read-all',
    tag: 'notifications',
    summary: "Mark all of one's notifications as read",
    status: 200,
    reply: z.strictObject({ read: z.int() }),
  }),
  endpoint({
    key: 'GET /api/v1/notifications/deliveries',
    tag: 'notifications',
    summary: 'List what was or will be sent to webhooks and by e-mail',
    description: 'Kept for 30 days after it was sent or given up.',
    query: z.strictObject({ ...pageQuery, status: z.string().max(100).optional() }),
    status: 200,
    reply: page(delivery),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/notifications/deliveries/{id}/retry',
    tag: 'notifications',
    summary: 'Send a delivery that was given up, or waits for its next attempt, at once',
    params: byId,
    status: 200,
    reply: delivery,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/notifications/test',
    tag: 'notifications',
    summary: 'Send a test message',
    description: 'Answers once it is queued; how it went stands in the deliveries.',
    body: notifyTarget,
    status: 202,
    reply: z.strictObject({ channel: z.enum(notificationChannels), notifications: z.int(), deliveries: z.array(z.string()) }),
    errors: ['invalid_body'],
  }),
] as const;
