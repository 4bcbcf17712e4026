/** Backups over the API: made, proved, thinned, fetched. Restoring is the command line's: it has to work when Studio can't start. Of the machine. */
import * as z from 'zod';
import { endpoint, noReply, timestamp } from './endpoint.ts';

const bytes = z.int().min(0);
/** `logical`: every table as text, loads into any PostgreSQL. `physical`: the files of the embedded PostgreSQL as they are, opens with the same major version. */
const backupKind = z.enum(['logical', 'physical']);
/** Never kept and never logged. */
const passphrase = z.string().min(1).max(1_000).optional();

export const backupProgress = z.strictObject({
  phase: z.string(),
  doneBytes: bytes,
  /** Null: nobody knows. */
  totalBytes: bytes.nullable(),
  /** The table or file it is at. */
  at: z.string().nullable(),
  /** Bytes a second; null: it just began. */
  rate: z.int().nullable(),
  leftMs: z.int().nullable(),
});
export type BackupProgress = z.infer<typeof backupProgress>;

/** What a restore of it into a throw-away database and folder found. */
export const backupProof = z.strictObject({
  at: timestamp,
  ok: z.boolean(),
  message: z.string(),
  ms: z.int(),
  tables: z.int(),
  rows: z.int(),
  files: z.int(),
  bytes,
  /** Null: the key that its secrets were sealed with is not at hand. */
  opensSecrets: z.boolean().nullable(),
  studioVersion: z.string(),
});

export const backup = z.strictObject({
  id: z.string(),
  /** `damaged`: what it says of itself can't be read. */
  status: z.enum(['complete', 'damaged']),
  /** Of a damaged one: why. */
  fault: z.string().nullable(),
  kind: backupKind,
  /** Which PostgreSQL it restores onto; null: any. */
  postgresMajor: z.int().nullable(),
  createdAt: timestamp,
  endedAt: timestamp,
  createdBy: z.string(),
  reason: z.enum(['manual', 'schedule']),
  studioVersion: z.string(),
  schemaVersion: z.int(),
  postgresVersion: z.string(),
  /** With a passphrase: everything in it is sealed, and the keys of the workspace are in it. */
  isEncrypted: z.boolean(),
  tables: z.int(),
  rows: z.int(),
  files: z.int(),
  /** Before compression. */
  rawBytes: bytes,
  /** What it takes that no other backup shares. */
  bytes,
  leftOut: z.array(z.strictObject({ what: z.string(), why: z.string() })),
  /** Null: never proved. */
  proof: backupProof.nullable(),
});
export type Backup = z.infer<typeof backup>;

export const backupWork = z.strictObject({
  /** The backup that is made or proved. */
  id: z.string(),
  kind: z.enum(['create', 'verify', 'prune']),
  reason: z.enum(['manual', 'schedule']),
  startedAt: timestamp,
  progress: backupProgress,
});
export type BackupWork = z.infer<typeof backupWork>;

const keep = z.int().min(0).max(1_000);

export const backupSettings = z.strictObject({
  enabled: z.boolean().default(false),
  /** Five fields, by the clock of `timezone`. */
  cron: z.string().min(1).max(100).default('0 3 * * *'),
  timezone: z.string().min(1).max(64).default('UTC'),
  kind: backupKind.default('logical'),
  /** Prove each backup as soon as it is made. */
  verify: z.boolean().default(true),
  /** Prove the newest again each so many days; 0: never. */
  verifyEveryDays: z.int().min(0).max(366).default(7),
  /** The newest of so many days, weeks and months is kept; the newest and the newest proven one always are. */
  keep: z.strictObject({ daily: keep.default(7), weekly: keep.default(4), monthly: keep.default(6) }).prefault({}),
});
export type BackupSettings = z.infer<typeof backupSettings>;

const lastWork = z.strictObject({ id: z.string(), kind: z.enum(['create', 'verify', 'prune']), at: timestamp, ok: z.boolean(), message: z.string() });

export const backupList = z.strictObject({
  items: z.array(backup),
  next: z.null(),
  cursor: z.string(),
  /** What goes on now. */
  work: backupWork.nullable(),
  /** What came of the last work, until Studio starts again. */
  last: lastWork.nullable(),
  settings: backupSettings,
  /** When the schedule makes the next; null: it is off. */
  nextAt: timestamp.nullable(),
  place: z.strictObject({
    label: z.string(),
    /** On this machine: lost with it. */
    isLocal: z.boolean(),
    freeBytes: bytes.nullable(),
    /** BACKUP_PASSPHRASE is set: used where none is given. */
    hasPassphrase: z.boolean(),
  }),
  /** Whether physical ones can be made: the database is the embedded one. */
  canBePhysical: z.boolean(),
  /** Why health is degraded. */
  fault: z.string().nullable(),
});
export type BackupList = z.infer<typeof backupList>;

const tag = 'backups';
const one = { tag, params: z.strictObject({ id: z.string().max(64) }) } as const;

export const backupEndpoints = [
  endpoint({
    key: 'GET /api/v1/backups',
    tag,
    summary: 'List backups, what goes on, and the schedule',
    status: 200,
    reply: backupList,
    errors: ['upstream_failed'],
  }),
  endpoint({
    key: 'POST /api/v1/backups',
    tag,
    summary: 'Begin a backup',
    description:
      'Work goes on meanwhile. With a passphrase everything is sealed and the keys of the workspace are in it; without one (and without BACKUP_PASSPHRASE) they are left out. Unless `verify` is false it is proved afterwards: restored into a throw-away database and folder, compared, and a workflow run on it. A `physical` one holds the files of the embedded PostgreSQL: no index is built anew when it is restored, and it opens with the same major version of PostgreSQL only.',
    body: z.strictObject({ kind: backupKind.default('logical'), passphrase, verify: z.boolean().default(true) }),
    status: 202,
    reply: backupWork,
    errors: ['invalid_body', 'still_running', 'conflict', 'disk_full', 'upstream_failed'],
  }),
  endpoint({
    key: 'PUT /api/v1/backups/settings',
    tag,
    summary: 'Set when backups are made, proved and removed',
    body: backupSettings,
    status: 200,
    reply: backupSettings,
    errors: ['invalid_body'],
  }),
  endpoint({
    key: 'POST /api/v1/backups/prune',
    tag,
    summary: 'Remove backups that the retention does not keep, and content that no backup needs',
    body: z.strictObject({ dryRun: z.boolean().default(false) }),
    status: 200,
    reply: z.strictObject({ removed: z.array(z.string()), kept: z.int(), freedBytes: bytes }),
    errors: ['still_running', 'conflict', 'upstream_failed'],
  }),
  endpoint({ key: 'GET /api/v1/backups/{id}', ...one, summary: 'Read a backup', status: 200, reply: backup, errors: ['not_found', 'upstream_failed'] }),
  endpoint({
    key: 'DELETE /api/v1/backups/{id}',
    ...one,
    summary: 'Delete a backup',
    status: 204,
    reply: noReply,
    errors: ['not_found', 'still_running', 'conflict', 'upstream_failed'],
  }),
  endpoint({
    key: 'POST /api/v1/backups/{id}/verify',
    ...one,
    summary: 'Prove a backup: restore it into a throw-away database and folder',
    body: z.strictObject({ passphrase }),
    status: 202,
    reply: backupWork,
    errors: ['not_found', 'invalid_body', 'still_running', 'conflict', 'backup_unusable', 'upstream_failed'],
  }),
  endpoint({
    key: 'POST /api/v1/backups/{id}/cancel',
    ...one,
    summary: 'Stop making or proving a backup; what was written of it is removed',
    status: 204,
    reply: noReply,
    errors: ['not_found', 'illegal_transition'],
  }),
  endpoint({
    key: 'GET /api/v1/backups/{id}/archive',
    ...one,
    summary: 'A backup as one file, with all the content it needs',
    status: 200,
    reply: z.string(),
    replyType: 'application/x-tar',
    streams: true,
    errors: ['not_found', 'backup_unusable', 'upstream_failed'],
  }),
] as const;
