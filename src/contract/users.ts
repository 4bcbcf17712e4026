/** One's own account. Other people's accounts are members (contract/members). */
import * as z from 'zod';
import { email, MAX_PASSWORD_LENGTH, newPassword, personName, user } from './auth.ts';
import { endpoint, noReply } from './endpoint.ts';

export const userEndpoints = [
  endpoint({ key: 'GET /api/v1/users/me', tag: 'users', summary: 'Read who one is', status: 200, reply: user }),
  endpoint({
    key: 'PATCH /api/v1/users/me',
    tag: 'users',
    summary: 'Change name or e-mail address',
    description: 'A new e-mail address needs the current password.',
    body: z.strictObject({ name: personName.optional(), email: email.optional(), currentPassword: z.string().min(1).max(MAX_PASSWORD_LENGTH).optional() }),
    status: 200,
    reply: user,
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/users/me/password',
    tag: 'users',
    summary: 'Change the password; every other session ends',
    body: z.strictObject({ currentPassword: z.string().min(1).max(MAX_PASSWORD_LENGTH), newPassword }),
    status: 204,
    reply: noReply,
    errors: ['invalid_body'],
  }),
] as const;
