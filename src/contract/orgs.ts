/** The orgs of a machine: for its super administrators. Making and naming them, taking one along as a file, and deleting one with a certificate. */
import * as z from 'zod';
import { email, personName } from './auth.ts';
import { endpoint, timestamp } from './endpoint.ts';

export const orgName = z.string().trim().min(1).max(120);
const params = z.strictObject({ id: z.string().max(64) });
const count = z.int().min(0);

export const org = z.strictObject({
  id: z.string(),
  name: z.string(),
  createdAt: timestamp,
  members: count,
  workflows: count,
  /** Of its files and what its jobs left. */
  bytes: count,
});

const tableCount = z.strictObject({ table: z.string(), rows: count, bytes: count });
const fileCount = z.strictObject({ files: count, bytes: count });

export const purgePreview = z.strictObject({
  org: z.strictObject({ id: z.string(), name: z.string() }),
  tables: z.array(tableCount),
  content: fileCount,
  /** People who are members of no other org: their accounts go, too. */
  people: z.array(z.string()),
  running: z.strictObject({ instances: count, jobs: count }),
  /** What has to be done first; empty: it can be purged. */
  obstacles: z.array(z.string()),
});
export type PurgePreview = z.infer<typeof purgePreview>;

export const purgeCertificate = z.strictObject({
  kind: z.literal('studio/org-purge/v1'),
  org: z.strictObject({ id: z.string(), name: z.string() }),
  requestedBy: z.string(),
  startedAt: timestamp,
  endedAt: timestamp,
  /** What was deleted, and what is left of it: nothing. */
  tables: z.array(tableCount.extend({ left: count })),
  content: fileCount.extend({ left: count }),
  /** Accounts that were deleted. */
  people: count,
  /** What this certificate does not speak of. */
  notes: z.array(z.string()),
  /** Of all above, as JSON with sorted keys and without blanks. */
  sha256: z.string(),
  /** HMAC-SHA256 of the same under a key of this workspace. */
  seal: z.string(),
});
export type PurgeCertificate = z.infer<typeof purgeCertificate>;

const importReport = z.strictObject({
  org: z.strictObject({ id: z.string(), name: z.string() }),
  isDryRun: z.boolean(),
  /** Why ids were made anew; null: all of them are as they were. */
  mapped: z.string().nullable(),
  tables: z.array(z.strictObject({ table: z.string(), rows: count })),
  content: fileCount,
  /** Each a sentence: what was left out, changed or has to be done by hand. */
  notes: z.array(z.string()),
});
export type ImportReport = z.infer<typeof importReport>;

export const orgEndpoints = [
  endpoint({ key: 'GET /api/v1/orgs', tag: 'orgs', summary: 'List the orgs of this machine', status: 200, reply: z.strictObject({ items: z.array(org) }) }),
  endpoint({
    key: 'POST /api/v1/orgs',
    tag: 'orgs',
    summary: 'Make an org and its first administrator, with a temporary password shown this once',
    description: 'Without admin the caller is its administrator, with no password of its own.',
    body: z.strictObject({ name: orgName, admin: z.strictObject({ email, name: personName }).optional() }),
    status: 201,
    reply: z.strictObject({ org: z.strictObject({ id: z.string(), name: z.string() }), temporaryPassword: z.string().nullable() }),
    errors: ['invalid_body', 'conflict'],
  }),
  endpoint({
    key: 'PATCH /api/v1/orgs/{id}',
    tag: 'orgs',
    summary: 'Rename an org',
    params,
    body: z.strictObject({ name: orgName }),
    status: 200,
    reply: z.strictObject({ id: z.string(), name: z.string() }),
    errors: ['invalid_body', 'not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/orgs/{id}/export',
    tag: 'orgs',
    summary: 'Everything of an org as one file that another Studio can import',
    description: 'Secrets are in it only with a passphrase, sealed with it. Live instances, sessions and API keys never are.',
    params,
    body: z.strictObject({ passphrase: z.string().min(12).max(1_000).optional() }),
    status: 200,
    reply: z.string(),
    replyType: 'application/octet-stream',
    errors: ['invalid_body', 'not_found'],
    streams: true,
  }),
  endpoint({
    key: 'POST /api/v1/orgs/import',
    tag: 'orgs',
    summary: 'Make an org from an exported file: the body is its bytes',
    description: 'The header Studio-Passphrase opens its secrets. Triggers come switched off, and people without a password.',
    query: z.strictObject({ dryRun: z.stringbool().default(false) }),
    bodyKind: 'bytes',
    status: 200,
    reply: importReport,
    errors: ['invalid_body', 'too_large', 'conflict', 'disk_full'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/orgs/{id}/purge',
    tag: 'orgs',
    summary: 'What a purge of the org would delete, and what stands in its way',
    params,
    status: 200,
    reply: purgePreview,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/orgs/{id}/purge',
    tag: 'orgs',
    summary: 'Delete an org with everything it has, for ever, and certify it',
    description: 'Give its name. What runs is stopped first. The certificate stays readable under GET /api/v1/org-purges.',
    params,
    body: z.strictObject({ name: z.string().max(200) }),
    status: 200,
    reply: purgeCertificate,
    errors: ['invalid_body', 'not_found', 'conflict', 'still_running'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/org-purges',
    tag: 'orgs',
    summary: 'Certificates of purged orgs, newest first',
    status: 200,
    reply: z.strictObject({ items: z.array(purgeCertificate) }),
  }),
] as const;
