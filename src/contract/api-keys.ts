/** API keys: for programs, with scopes, shown once. */
import * as z from 'zod';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { modelLimits } from './model-limits.ts';

/** Nouns a scope may name; verbs are read, write and run. `*` is everything the owner may. */
export const scopeNouns = [
  'users',
  'members',
  'secrets',
  'credentials',
  'settings',
  'audit',
  'workflows',
  'instances',
  'jobs',
  'files',
  'events',
  'notifications',
  'machine',
  'models',
] as const;
export const scopeVerbs = ['read', 'write', 'run'] as const;
export type Scope = `${(typeof scopeNouns)[number]}:${(typeof scopeVerbs)[number]}`;

const scopes: readonly string[] = scopeNouns.flatMap((noun) => scopeVerbs.map((verb) => `${noun}:${verb}`));

export const scope = z
  .string()
  .max(64)
  .refine((value) => value === '*' || scopes.includes(value), {
    error: `a scope is "*" or noun:verb, with a noun of ${scopeNouns.join(', ')} and a verb of ${scopeVerbs.join(', ')}`,
  });

const keyName = z.string().trim().min(1).max(200);

export const apiKey = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** Its first characters, to tell keys apart. */
  prefix: z.string(),
  scopes: z.array(z.string()),
  createdAt: timestamp,
  expiresAt: timestamp.nullable(),
  lastUsedAt: timestamp.nullable(),
  /** What it may use of the models at `/v1`, beside the limits of its org; null: no limits of its own. */
  modelLimits: modelLimits.nullable(),
});
export type ApiKey = z.infer<typeof apiKey>;

export const apiKeyEndpoints = [
  endpoint({
    key: 'GET /api/v1/api-keys',
    tag: 'api-keys',
    summary: "List one's API keys",
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(apiKey),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/api-keys',
    tag: 'api-keys',
    summary: 'Make an API key; the reply shows it this once',
    body: z.strictObject({
      name: keyName,
      scopes: z.array(scope).min(1).max(50),
      expiresAt: timestamp.optional(),
      modelLimits: modelLimits.optional(),
    }),
    status: 201,
    reply: apiKey.extend({ key: z.string() }),
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'PATCH /api/v1/api-keys/{id}',
    tag: 'api-keys',
    summary: 'Rename an API key, or change what it may use of the models',
    params: z.strictObject({ id: z.string().max(64) }),
    body: z.strictObject({ name: keyName.optional(), modelLimits: modelLimits.nullable().optional() }),
    status: 200,
    reply: apiKey,
    errors: ['invalid_body', 'not_found'],
  }),
  endpoint({
    key: 'DELETE /api/v1/api-keys/{id}',
    tag: 'api-keys',
    summary: 'Delete an API key; it stops working at once',
    params: z.strictObject({ id: z.string().max(64) }),
    status: 204,
    reply: noReply,
    errors: ['not_found'],
  }),
] as const;
