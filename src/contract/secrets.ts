/** Secrets: encrypted named values that workflows and jobs refer to. Their values never come back. */
import * as z from 'zod';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';

export const secretName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'a secret is named by a letter or _, then up to 63 of letters, digits and _');
const named = z.strictObject({ name: secretName });

export const secret = z.strictObject({ name: z.string(), createdAt: timestamp, updatedAt: timestamp });
export type Secret = z.infer<typeof secret>;

export const secretEndpoints = [
  endpoint({
    key: 'GET /api/v1/secrets',
    tag: 'secrets',
    summary: 'List the names of secrets',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(secret),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'PUT /api/v1/secrets/{name}',
    tag: 'secrets',
    summary: 'Set a secret',
    params: named,
    body: z.strictObject({ value: z.string().min(1).max(65_536) }),
    status: 200,
    reply: secret,
    errors: ['invalid_body', 'invalid_query'],
  }),
  endpoint({
    key: 'DELETE /api/v1/secrets/{name}',
    tag: 'secrets',
    summary: 'Delete a secret',
    params: named,
    status: 204,
    reply: noReply,
    errors: ['invalid_query', 'not_found'],
  }),
] as const;
