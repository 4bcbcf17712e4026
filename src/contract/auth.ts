/** Signing in and out, and one's own account. Tokens go to API clients only; a browser (`X-Studio-Client: web`) gets a cookie instead. */
import * as z from 'zod';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { roles } from './values.ts';

/** Longest password that is hashed: beyond it only the cost grows. */
export const MAX_PASSWORD_LENGTH = 256;
export const MIN_PASSWORD_LENGTH = 8;

export const email = z.string().trim().max(254).pipe(z.email('an e-mail address looks like name@example.com'));
export const personName = z.string().trim().min(1).max(200);
export const newPassword = z.string().min(MIN_PASSWORD_LENGTH).max(MAX_PASSWORD_LENGTH);
/** A password that is only compared: its rules may have changed since it was set. */
const givenPassword = z.string().min(1).max(MAX_PASSWORD_LENGTH);

export const user = z.strictObject({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(roles),
  orgId: z.string(),
  orgName: z.string(),
  passwordChangeRequired: z.boolean(),
  createdAt: timestamp,
});
export type User = z.infer<typeof user>;

/** What signing in gives: an API client both tokens, a browser neither. `expiresInS` is the life of the access token or the cookie. */
export const signedIn = z.strictObject({ accessToken: z.string().optional(), refreshToken: z.string().optional(), expiresInS: z.int(), user });
export type SignedIn = z.infer<typeof signedIn>;

export const session = z.strictObject({
  id: z.string(),
  client: z.enum(['web', 'api']),
  userAgent: z.string(),
  address: z.string(),
  current: z.boolean(),
  createdAt: timestamp,
  lastSeenAt: timestamp,
  expiresAt: timestamp,
});
export type Session = z.infer<typeof session>;

export const authEndpoints = [
  endpoint({
    key: 'POST /api/v1/auth/claim',
    tag: 'auth',
    summary: 'Make the first administrator with the one-time claim link',
    description: 'The token stands in the link that Studio prints at its first start and keeps in the workspace (claim-url).',
    body: z.strictObject({ token: z.string().min(1).max(200), email, password: newPassword, name: personName }),
    status: 201,
    reply: signedIn,
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/auth/login',
    tag: 'auth',
    summary: 'Sign in with e-mail and password',
    description: 'With the header X-Studio-Client: web the reply sets a cookie and holds no tokens.',
    body: z.strictObject({ email: z.string().trim().min(1).max(254), password: givenPassword }),
    status: 200,
    reply: signedIn,
    errors: ['invalid_body'],
  }),
  endpoint({
    key: 'POST /api/v1/auth/refresh',
    tag: 'auth',
    summary: 'Exchange a refresh token for a new pair',
    description: 'Each refresh token works once; using one again ends its session. A browser sends no body: its cookie is renewed.',
    body: z.strictObject({ refreshToken: z.string().min(1).max(200).optional() }),
    status: 200,
    reply: signedIn,
    errors: ['invalid_body'],
  }),
  endpoint({ key: 'POST /api/v1/auth/logout', tag: 'auth', summary: 'End the session that makes this call', status: 204, reply: noReply }),
  endpoint({
    key: 'GET /api/v1/auth/sessions',
    tag: 'auth',
    summary: 'List the devices one is signed in on',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(session),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'DELETE /api/v1/auth/sessions/{id}',
    tag: 'auth',
    summary: 'Sign a device out',
    params: z.strictObject({ id: z.string().max(64) }),
    status: 204,
    reply: noReply,
    errors: ['not_found'],
  }),
] as const;
