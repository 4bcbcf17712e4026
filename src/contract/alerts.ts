/** Studio's own alerts: what is wrong with the machine and for how long, who is told, and from when on. Of the machine. */
import * as z from 'zod';
import { endpoint, page, pageQuery, timestamp } from './endpoint.ts';
import { recipient, webhookUrl } from './notifications.ts';
import { secretName } from './secrets.ts';
import { alertRules, alertSeverities } from './values.ts';

const seconds = (fallback: number) => z.int().min(10).max(86_400).default(fallback);

export const alertSettings = z.strictObject({
  enabled: z.boolean().default(true),
  /** Rules that are not looked at. */
  muted: z.array(z.enum(alertRules)).max(50).default([]),
  /** Who is told by e-mail: addresses, or `admins` of the first organisation. In the app its administrators always hear. */
  email: z.array(recipient).max(20).default([]),
  /** Where else it is posted, as notifications are. Exactly one of `url` and `urlSecret`. */
  webhook: z
    .strictObject({ url: webhookUrl.optional(), urlSecret: secretName.optional(), secret: secretName.optional() })
    .refine(
      ({ url, urlSecret }) => (url === undefined) !== (urlSecret === undefined),
      'a webhook needs url, or urlSecret (the name of a secret that holds it), and not both',
    )
    .nullable()
    .default(null),
  /** Also tell when it is over. */
  tellResolved: z.boolean().default(true),
  /** It has to be well for so long before it counts as over: what comes and goes is told once. */
  clearS: seconds(120),
  databaseS: seconds(30),
  redisS: seconds(120),
  workersS: seconds(90),
  /** Delay of the event loop that is too much, ms, and for how long. */
  loopDelayMs: z.int().min(50).max(60_000).default(1_000),
  apiS: seconds(120),
  /** Of the workspace's volume. */
  diskFreePercent: z.number().min(0).max(90).default(10),
  diskCriticalPercent: z.number().min(0).max(90).default(3),
  /** Since the last backup that succeeded, where backups are made. */
  backupMaxAgeH: z.number().min(1).max(8_760).default(36),
  gpuTemperatureC: z.number().min(40).max(120).default(88),
  /** Share of steps and jobs that fail. */
  errorRate: z.number().min(0.01).max(1).default(0.5),
});
export type AlertSettings = z.infer<typeof alertSettings>;

export const alert = z.strictObject({
  id: z.string(),
  rule: z.enum(alertRules),
  /** What of it: a queue, a device; empty where there is one. */
  subject: z.string(),
  severity: z.enum(alertSeverities),
  title: z.string(),
  body: z.string(),
  /** Where it stands what to do. */
  help: z.string(),
  beganAt: timestamp,
  firedAt: timestamp,
  resolvedAt: timestamp.nullable(),
});
export type Alert = z.infer<typeof alert>;

const tag = 'alerts';

export const alertEndpoints = [
  endpoint({
    key: 'GET /api/v1/alerts',
    tag,
    summary: "List Studio's own alerts, newest first",
    query: z.strictObject({ ...pageQuery, status: z.enum(['open', 'resolved']).optional() }),
    status: 200,
    reply: page(alert),
    errors: ['invalid_query'],
  }),
  endpoint({ key: 'GET /api/v1/alerts/settings', tag, summary: 'From when on is told, and whom', status: 200, reply: alertSettings }),
  endpoint({
    key: 'PUT /api/v1/alerts/settings',
    tag,
    summary: 'Set from when on is told, and whom',
    body: alertSettings,
    status: 200,
    reply: alertSettings,
    errors: ['invalid_body'],
  }),
  endpoint({
    key: 'POST /api/v1/alerts/test',
    tag,
    summary: 'Tell a test alert to everybody who would be told of a real one',
    status: 202,
    reply: z.strictObject({ notifications: z.int(), deliveries: z.array(z.string()) }),
  }),
] as const;
