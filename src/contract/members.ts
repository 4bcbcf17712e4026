/** The people of an org, as its administrators see them. */
import * as z from 'zod';
import { email, personName } from './auth.ts';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { memberStatuses, roles } from './values.ts';

const userId = z.strictObject({ userId: z.string().max(64) });

export const member = z.strictObject({
  userId: z.string(),
  email: z.string(),
  name: z.string(),
  role: z.enum(roles),
  status: z.enum(memberStatuses),
  /** Why they are shut out, as the administrator who did it wrote. */
  statusReason: z.string(),
  passwordChangeRequired: z.boolean(),
  createdAt: timestamp,
});
export type Member = z.infer<typeof member>;

export const memberEndpoints = [
  endpoint({
    key: 'GET /api/v1/orgs/current/members',
    tag: 'members',
    summary: 'List members',
    query: z.strictObject(pageQuery),
    status: 200,
    reply: page(member),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/orgs/current/members',
    tag: 'members',
    summary: 'Add a person with a temporary password, shown this once',
    description: 'It must be changed before anything else works.',
    body: z.strictObject({ email, name: personName, role: z.enum(roles).default('user') }),
    status: 201,
    reply: z.strictObject({ member, temporaryPassword: z.string() }),
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'PATCH /api/v1/orgs/current/members/{userId}',
    tag: 'members',
    summary: 'Change a role, or whether a person may come in',
    description: 'suspended keeps API keys for their return; deactivated deletes them. Both end every session at once.',
    params: userId,
    body: z.strictObject({ role: z.enum(roles).optional(), status: z.enum(memberStatuses).optional(), reason: z.string().trim().max(200).optional() }),
    status: 200,
    reply: member,
    errors: ['invalid_body', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'DELETE /api/v1/orgs/current/members/{userId}',
    tag: 'members',
    summary: 'Remove a person; sessions and keys end at once',
    params: userId,
    status: 204,
    reply: noReply,
    errors: ['not_found', 'conflict'],
  }),
] as const;
