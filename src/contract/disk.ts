/** What lies on the disk, class by class, how long each is kept, and cleaning up: of the machine, for super administrators. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';

/** Kept for a time that can be set. Instances go by periods (RUN_RETENTION_DAYS, run-data), backups by their own plan. */
export const retentionClass = z.enum(['jobs', 'artifacts', 'audit', 'notifications', 'deliveries', 'downloads']);
export type RetentionClass = z.infer<typeof retentionClass>;

const bytes = z.number().min(0);
/** Null: for ever, or until something else deletes it. */
const days = z.int().min(1).max(3_650).nullable();

export const retentionDays = z.strictObject({ jobs: days, artifacts: days, audit: days, notifications: days, deliveries: days, downloads: days });
export type RetentionDays = z.infer<typeof retentionDays>;

const diskClass = z.strictObject({
  class: retentionClass,
  rows: z.int(),
  /** Of what the rows point at, or of the rows. */
  bytes,
  /** Of its tables with their indexes. */
  databaseBytes: bytes,
  oldest: timestamp.nullable(),
  days,
  defaultDays: days,
  /** Studio never keeps it longer; null: no such bound. */
  maxDays: z.int().nullable(),
  /** What a clean-up would delete now. */
  due: z.strictObject({ rows: z.int(), bytes }),
});

const disk = z.strictObject({
  totalBytes: bytes,
  freeBytes: bytes,
  /** The workspace's folders; `complete` false: there was more than could be counted in the time. */
  folders: z.array(z.strictObject({ name: z.string(), bytes, files: z.int(), complete: z.boolean() })),
  runDataBytes: bytes.nullable(),
  classes: z.array(diskClass),
});

const cleaned = z.strictObject({
  class: retentionClass,
  isDryRun: z.boolean(),
  /** What was looked at, and what was or would be deleted of it. */
  of: z.int(),
  rows: z.int(),
  bytes,
  /** False: the time was over before the work; the next round goes on. */
  isComplete: z.boolean(),
});

const amount = z.strictObject({ count: z.int(), bytes });

const orgStorage = z.strictObject({
  org: z.strictObject({ id: z.string(), name: z.string() }),
  /** Rows, and their share of the tables they lie in: estimates, as only a sample of large tables is read. */
  database: amount,
  files: amount,
  artifacts: amount,
  /** Not finished yet. */
  uploads: amount,
  /** Folders of its jobs that are still there, with their logs. */
  jobs: amount,
  /** Its own; those of the machine are nobody's. */
  models: amount,
  /** On disk: content that several files and artifacts have in common counts once. */
  totalBytes: bytes,
});
export type OrgStorage = z.infer<typeof orgStorage>;

const orgStorageList = z.strictObject({
  items: z.array(orgStorage),
  /** Measured once a minute at most. */
  measuredAt: timestamp,
  /** False: there were more folders of jobs than could be counted in the time. */
  isComplete: z.boolean(),
});
export type OrgStorageList = z.infer<typeof orgStorageList>;

export const diskEndpoints = [
  endpoint({ key: 'GET /api/v1/system/disk', tag: 'machine', summary: 'What takes the disk, how long it is kept, and what is due', status: 200, reply: disk }),
  endpoint({
    key: 'GET /api/v1/system/disk/orgs',
    tag: 'machine',
    summary: 'What each org takes of the disk, largest first',
    status: 200,
    reply: orgStorageList,
  }),
  endpoint({
    key: 'GET /api/v1/orgs/current/storage',
    tag: 'orgs',
    summary: 'What the org takes of the disk',
    status: 200,
    reply: orgStorage.extend({ measuredAt: timestamp, isComplete: z.boolean() }),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PUT /api/v1/system/disk/retention',
    tag: 'machine',
    summary: 'Set how many days each class is kept; null: for ever',
    description: 'What becomes due goes within the hour. Preview it first with the class, `days` and `dryRun` at POST /api/v1/system/disk/clean.',
    body: retentionDays.partial(),
    status: 200,
    reply: retentionDays,
    errors: ['invalid_body'],
  }),
  endpoint({
    key: 'POST /api/v1/system/disk/clean',
    tag: 'machine',
    summary: 'Delete what is due of a class now, or with dryRun say how much that is',
    body: z.strictObject({ class: retentionClass, days: z.int().min(1).max(3_650).optional(), dryRun: z.boolean().default(false) }),
    status: 200,
    reply: cleaned,
    errors: ['invalid_body', 'conflict'],
  }),
] as const;
