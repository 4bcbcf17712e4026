/** Settings kept in the database: what an administrator changes while Studio runs. The environment's keys are src/config. */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';
import { notifyRules } from './notifications.ts';

/** A host name or address, with an optional port and a leading `*.` for its subdomains. */
const allowedHost = z
  .string()
  .trim()
  .toLowerCase()
  .max(260)
  .regex(/^((\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?$/, 'a host is a name or an address, with an optional :port, or *.name');

const origin = z
  .url({ protocol: /^https?$/ })
  .max(300)
  .transform((value) => new URL(value).origin);

export const settings = z.strictObject({
  /** Where people reach Studio, for absolute links; null until someone confirmed it. Of the machine. */
  publicOrigin: z.string().nullable(),
  /** Hosts that http.request may reach although they are not public addresses. Of the org; a super administrator sets it. */
  allowedHosts: z.array(z.string()),
  /** One switch for all triggers of the org: while true, none starts anything. */
  triggersPaused: z.boolean(),
  /** Who is told what of instances whose workflow has no rules of its own (settings.notify). Of the org. */
  notifications: notifyRules,
});
export type Settings = z.infer<typeof settings>;

export const settingsPatch = z.strictObject({
  publicOrigin: origin.nullable().optional(),
  allowedHosts: z.array(allowedHost).max(200).optional(),
  triggersPaused: z.boolean().optional(),
  notifications: notifyRules.optional(),
});
export type SettingsPatch = z.infer<typeof settingsPatch>;

export const settingsEndpoints = [
  endpoint({ key: 'GET /api/v1/settings', tag: 'settings', summary: 'Read the settings', status: 200, reply: settings }),
  endpoint({
    key: 'PATCH /api/v1/settings',
    tag: 'settings',
    summary: 'Change settings',
    description: 'publicOrigin and allowedHosts need a super administrator: they concern the whole machine.',
    body: settingsPatch,
    status: 200,
    reply: settings,
    errors: ['invalid_body'],
  }),
] as const;
