/** Settings kept in the database: what an administrator changes while Studio runs. The environment's keys are src/config. */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';
import { modelLimits } from './model-limits.ts';
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

/** A model's name, or one with `*` for any part. */
const namePattern = z
  .string()
  .regex(/^[A-Za-z0-9._:@/*-]{1,128}$/, 'a model is named by letters, digits, ".", "_", ":", "@", "/" and "-"; "*" stands for any part');
const aliasName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._:@/-]{0,126}[A-Za-z0-9])?$/,
    'a model is named by letters, digits, ".", "_", ":", "@", "/" and "-", letters or digits at both ends',
  );
const modelAliases = z.record(aliasName, aliasName).refine((aliases) => Object.keys(aliases).length <= 200, 'at most 200 other names');

export const settings = z.strictObject({
  /** Where people reach Studio, for absolute links; null until someone confirmed it. Of the machine. */
  publicOrigin: z.string().nullable(),
  /** Hosts that http.request may reach although they are not public addresses. Of the org; a super administrator sets it. */
  allowedHosts: z.array(z.string()),
  /** One switch for all triggers of the org: while true, none starts anything. */
  triggersPaused: z.boolean(),
  /** Who is told what of instances whose workflow has no rules of its own (settings.notify). Of the org. */
  notifications: notifyRules,
  /** Other names of models, for programs that can't be told: `{ "gpt-4o": "qwen3-8b" }`. Of the org. */
  modelAliases,
  /** Which models the org may ask; empty: every one. Of the org; a super administrator sets it. */
  visibleModels: z.array(namePattern).max(200),
  /** What the org may use of the models. Of the org; a super administrator sets it. */
  modelLimits,
});
export type Settings = z.infer<typeof settings>;

export const settingsPatch = z.strictObject({
  publicOrigin: origin.nullable().optional(),
  allowedHosts: z.array(allowedHost).max(200).optional(),
  triggersPaused: z.boolean().optional(),
  notifications: notifyRules.optional(),
  modelAliases: modelAliases.optional(),
  visibleModels: z.array(namePattern).max(200).optional(),
  modelLimits: modelLimits.optional(),
});
export type SettingsPatch = z.infer<typeof settingsPatch>;

export const settingsEndpoints = [
  endpoint({ key: 'GET /api/v1/settings', tag: 'settings', summary: 'Read the settings', status: 200, reply: settings }),
  endpoint({
    key: 'PATCH /api/v1/settings',
    tag: 'settings',
    summary: 'Change settings',
    description: 'publicOrigin, allowedHosts, visibleModels and modelLimits need a super administrator: they concern the whole machine.',
    body: settingsPatch,
    status: 200,
    reply: settings,
    errors: ['invalid_body'],
  }),
] as const;
