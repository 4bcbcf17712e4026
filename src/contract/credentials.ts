/** Credentials: an account at a provider, with its tokens. Values of secret fields go in and never come back, and are sent to the credential's hosts alone. */
import * as z from 'zod';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { credentialAccess } from './values.ts';

const id = z.string().regex(/^cred_[0-9a-z]{26}$/, 'pick a credential; it is named by its id, cred_…');
/** Of a param that names one. */
export const credentialId = id;
const params = z.strictObject({ id: z.string().max(64) });

/** As kernel/egress-binding reads it. */
const hostRule = z
  .string()
  .trim()
  .toLowerCase()
  .max(270)
  .regex(
    /^(http:\/\/)?((\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?$/,
    'a host is a name or an address, with an optional :port, or *.name; http:// before it allows plain HTTP',
  );
const hosts = z.array(hostRule).max(50);
const values = z.record(z.string().max(64), z.string().max(65_536)).refine((given) => Object.keys(given).length <= 50, 'at most 50 fields');
const name = z.string().trim().min(1).max(120);
/** User ids; used with `people`. */
const people = z.array(z.string().max(64)).max(200);
const expiresAt = timestamp.nullable();

export const credential = z.strictObject({
  id: z.string(),
  name: z.string(),
  type: z.string(),
  hosts: z.array(z.string()),
  /** Fields that are no secrets. */
  values: z.record(z.string(), z.string()),
  /** Secret fields that have a value. */
  secretFields: z.array(z.string()),
  access: z.enum(credentialAccess),
  people: z.array(z.string()),
  /** `unreadable`: sealed with another key. `unknown_type`: made by a newer Studio. */
  state: z.enum(['ok', 'expired', 'unreadable', 'unknown_type']),
  expiresAt,
  /** Whether the caller may use it in a workflow. */
  mayUse: z.boolean(),
  createdBy: z.string().nullable(),
  createdAt: timestamp,
  updatedAt: timestamp,
  lastUsedAt: timestamp.nullable(),
  lastTest: z.strictObject({ at: timestamp, ok: z.boolean(), message: z.string() }).nullable(),
});
export type Credential = z.infer<typeof credential>;

const credentialType = z.strictObject({
  type: z.string(),
  title: z.string(),
  about: z.string(),
  /** JSON Schema (2020-12) of its values; `x-secret` marks those that never come back. */
  fields: z.record(z.string(), z.unknown()),
  /** `given`: whoever makes it says where it may be sent. `derived`: its fields say. */
  hosts: z.enum(['given', 'derived']),
});
export type CredentialTypeView = z.infer<typeof credentialType>;

export const credentialEndpoints = [
  endpoint({
    key: 'GET /api/v1/credential-types',
    tag: 'credentials',
    summary: 'What kinds of credentials there are, with their fields',
    status: 200,
    reply: z.strictObject({ items: z.array(credentialType) }),
  }),
  endpoint({
    key: 'GET /api/v1/credentials',
    tag: 'credentials',
    summary: 'List credentials, without what is secret',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(credential),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/credentials',
    tag: 'credentials',
    summary: 'Make a credential',
    body: z.strictObject({
      name,
      type: z.string().max(64),
      values,
      hosts: hosts.optional(),
      access: z.enum(credentialAccess).default('everyone'),
      people: people.default([]),
      expiresAt: expiresAt.optional(),
    }),
    status: 201,
    reply: credential,
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'GET /api/v1/credentials/{id}',
    tag: 'credentials',
    summary: 'Read a credential',
    params,
    status: 200,
    reply: credential,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PATCH /api/v1/credentials/{id}',
    tag: 'credentials',
    summary: 'Change a credential',
    description:
      'What is not given stays. Where it may be sent to, or what its fields say of that, changes only together with its secret values: nobody sends a value elsewhere that they do not know.',
    params,
    body: z.strictObject({
      name: name.optional(),
      values: values.optional(),
      hosts: hosts.optional(),
      access: z.enum(credentialAccess).optional(),
      people: people.optional(),
      expiresAt: expiresAt.optional(),
    }),
    status: 200,
    reply: credential,
    errors: ['invalid_body', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'DELETE /api/v1/credentials/{id}',
    tag: 'credentials',
    summary: 'Delete a credential that no workflow uses, or with force any',
    params,
    query: z.strictObject({ force: z.stringbool().default(false) }),
    status: 204,
    reply: noReply,
    errors: ['invalid_query', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/credentials/{id}/test',
    tag: 'credentials',
    summary: 'Try a credential with a real call to its provider',
    description: 'Without `url` its type or its testUrl says where; a `url` has to be on one of its hosts.',
    params,
    body: z.strictObject({
      url: z
        .url({ protocol: /^https?$/ })
        .max(2_048)
        .optional(),
    }),
    status: 200,
    reply: z.strictObject({ ok: z.boolean(), message: z.string() }),
    errors: ['invalid_body', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'GET /api/v1/credentials/{id}/workflows',
    tag: 'credentials',
    summary: 'Which workflows name it, in their newest version or their draft',
    params,
    status: 200,
    reply: z.strictObject({ items: z.array(z.strictObject({ id: z.string(), name: z.string(), isDraft: z.boolean() })) }),
    errors: ['not_found'],
  }),
] as const;
