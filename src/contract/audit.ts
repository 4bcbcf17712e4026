/** The audit trail: every security event, newest first. Written with what it tells of, never changed. */
import * as z from 'zod';
import { endpoint, json, page, pageQuery, timestamp } from './endpoint.ts';

export const auditEntry = z.strictObject({
  id: z.string(),
  at: timestamp,
  /** Who did it: a user's id, `anonymous`, or `system`. */
  actor: z.string(),
  /** `noun.verb`, as in `session.started`. */
  action: z.string(),
  target: z.string(),
  address: z.string(),
  details: z.record(z.string(), json),
});
export type AuditEntry = z.infer<typeof auditEntry>;

const filters = { action: z.string().max(64).optional(), actor: z.string().max(64).optional() };

export const auditEndpoints = [
  endpoint({
    key: 'GET /api/v1/audit',
    tag: 'audit',
    summary: 'Read the audit trail',
    query: z.strictObject({ ...pageQuery, ...filters }),
    status: 200,
    reply: page(auditEntry),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/audit/export',
    tag: 'audit',
    summary: 'Take the audit trail out: one entry a line, as JSON, newest first',
    description: '`since` leaves out what is older. Nothing that is recorded while it is sent is in it.',
    query: z.strictObject({ ...filters, since: timestamp.optional() }),
    status: 200,
    reply: z.string(),
    replyType: 'application/x-ndjson; charset=utf-8',
    streams: true,
    errors: ['invalid_query'],
  }),
] as const;
