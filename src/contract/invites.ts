/** Invitations to an org, and moving between the orgs one is a member of. A link works once; the server keeps its hash alone.
 *  Nothing here says whether an address has an account: who holds the link learns it at the moment they use it, nobody else. */
import * as z from 'zod';
import { email, newPassword, personName, signedIn } from './auth.ts';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { roles } from './values.ts';

const params = z.strictObject({ id: z.string().max(64) });
const token = z.string().min(1).max(200);

export const invite = z.strictObject({
  id: z.string(),
  email: z.string(),
  role: z.enum(roles),
  /** `void`: who invited may no longer give that role; send it again. */
  state: z.enum(['pending', 'expired', 'void']),
  invitedBy: z.strictObject({ userId: z.string(), name: z.string() }),
  createdAt: timestamp,
  /** Of the newest link. */
  sentAt: timestamp,
  expiresAt: timestamp,
});
export type Invite = z.infer<typeof invite>;

/** `mail`: whether the link went out by e-mail; `off`: this Studio sends none (SMTP_URL). */
const issued = z.strictObject({ invite, token: z.string(), url: z.string(), mail: z.enum(['sent', 'failed', 'off']), mailFault: z.string().optional() });
export type IssuedInvite = z.infer<typeof issued>;

const membership = z.strictObject({ id: z.string(), name: z.string(), role: z.enum(roles), current: z.boolean() });

export const inviteEndpoints = [
  endpoint({
    key: 'GET /api/v1/orgs/current/invites',
    tag: 'members',
    summary: 'List pending invitations',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(invite),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/orgs/current/invites',
    tag: 'members',
    summary: 'Invite an address; the link is shown this once, and sent by e-mail where SMTP_URL is set',
    description: 'The link works once, for that address alone, for seven days.',
    body: z.strictObject({ email, role: z.enum(roles).default('user') }),
    status: 201,
    reply: issued,
    errors: ['invalid_body', 'conflict', 'rate_limited'],
  }),
  endpoint({
    key: 'PATCH /api/v1/orgs/current/invites/{id}',
    tag: 'members',
    summary: 'Change the role an invitation gives',
    params,
    body: z.strictObject({ role: z.enum(roles) }),
    status: 200,
    reply: invite,
    errors: ['invalid_body', 'not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/orgs/current/invites/{id}/resend',
    tag: 'members',
    summary: 'Make a new link, which voids the one before, and send it',
    params,
    status: 200,
    reply: issued,
    errors: ['not_found', 'rate_limited'],
  }),
  endpoint({
    key: 'DELETE /api/v1/orgs/current/invites/{id}',
    tag: 'members',
    summary: 'Revoke an invitation',
    params,
    status: 204,
    reply: noReply,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/auth/invite',
    tag: 'auth',
    summary: 'What an invitation’s link is for',
    body: z.strictObject({ token }),
    status: 200,
    reply: z.strictObject({ orgName: z.string(), email: z.string(), role: z.enum(roles), invitedBy: z.string(), expiresAt: timestamp }),
    errors: ['invalid_body'],
  }),
  endpoint({
    key: 'POST /api/v1/auth/invite/accept',
    tag: 'auth',
    summary: 'Accept an invitation as somebody new',
    description: 'Makes the account. Who has one logs in and joins with POST /api/v1/auth/invite/join.',
    body: z.strictObject({ token, name: personName, password: newPassword }),
    status: 201,
    reply: signedIn,
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/auth/invite/join',
    tag: 'auth',
    summary: 'Accept an invitation with one’s own account: the session goes on in that org',
    body: z.strictObject({ token }),
    status: 200,
    reply: signedIn,
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'GET /api/v1/users/me/orgs',
    tag: 'users',
    summary: 'The orgs one is a member of',
    status: 200,
    reply: z.strictObject({ items: z.array(membership) }),
  }),
  endpoint({
    key: 'POST /api/v1/auth/org',
    tag: 'auth',
    summary: 'Go on in another org one is a member of: a new session takes the place of this one',
    body: z.strictObject({ orgId: z.string().max(64) }),
    status: 200,
    reply: signedIn,
    errors: ['invalid_body', 'not_found'],
  }),
] as const;
