/** Saved views: filters of the lists that people keep, for themselves or for everybody in their org. */
import * as z from 'zod';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';

const id = z.strictObject({ id: z.string().max(64) });
const viewPage = z.enum(['instances', 'workflows', 'jobs']);
const name = z
  .string()
  .trim()
  .min(1)
  .max(80)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'a name is 1 to 80 characters on one line');
/** As it stands in the list's filter, and in the page's URL. */
const filter = z.string().max(2_000);

export const savedView = z.strictObject({
  id: z.string(),
  page: viewPage,
  name: z.string(),
  filter: z.string(),
  /** Everybody in the org sees it. */
  isShared: z.boolean(),
  /** Who keeps it. */
  owner: z.strictObject({ userId: z.string(), name: z.string() }),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type SavedView = z.infer<typeof savedView>;

export const savedViewEndpoints = [
  endpoint({
    key: 'GET /api/v1/views',
    tag: 'views',
    summary: 'Your saved views and those shared in the organisation, by name',
    query: z.strictObject({ ...pageQuery, page: viewPage.optional() }),
    status: 200,
    reply: page(savedView),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/views',
    tag: 'views',
    summary: 'Save a view',
    body: z.strictObject({ page: viewPage, name, filter, isShared: z.boolean().default(false) }),
    status: 201,
    reply: savedView,
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'PATCH /api/v1/views/{id}',
    tag: 'views',
    summary: 'Change a view',
    description: 'Your own; an administrator may also change what others share.',
    params: id,
    body: z.strictObject({ name: name.optional(), filter: filter.optional(), isShared: z.boolean().optional() }),
    status: 200,
    reply: savedView,
    errors: ['invalid_body', 'not_found', 'forbidden', 'conflict'],
  }),
  endpoint({
    key: 'DELETE /api/v1/views/{id}',
    tag: 'views',
    summary: 'Delete a view',
    description: 'Your own; an administrator may also delete what others share.',
    params: id,
    status: 204,
    reply: noReply,
    errors: ['not_found', 'forbidden'],
  }),
] as const;
