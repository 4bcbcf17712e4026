/** The machine as a whole: what it is and uses, what it is configured with, and the configuration read again. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { machineLoad } from './health.ts';

const bytes = z.int().min(0);

export const systemInfo = z.strictObject({
  version: z.string(),
  /** Null: not known, for a build without one. */
  commit: z.string().nullable(),
  node: z.string(),
  pid: z.int(),
  host: z.string(),
  platform: z.string(),
  startedAt: timestamp,
  uptimeMs: z.int(),
  /** Since the last call that was no probe. */
  idleMs: z.int(),
  mode: z.enum(['embedded', 'managed']),
  workspacePath: z.string(),
  load: machineLoad,
  /** What this process may use, by control groups and by the machine. Null: no limit. */
  limits: z.strictObject({
    /** Which version of control groups limits it; null: none does. */
    cgroup: z.literal([1, 2]).nullable(),
    openFiles: z.int().nullable(),
    processors: z.number(),
    memoryBytes: bytes,
    tasks: z.int().nullable(),
  }),
  /** What the pools were given of it at the start. */
  sizing: z.strictObject({
    engineConnections: z.int(),
    apiConnections: z.int(),
    /** Of the embedded PostgreSQL, and its memory. */
    maxConnections: z.int(),
    sharedBuffersBytes: bytes,
    /** Of the embedded Redis. */
    redisBytes: bytes,
    /** Of the queue `studio`, until somebody sets them. */
    slots: z.int(),
  }),
  /** What is less than Studio wants. */
  tooLittle: z.array(z.strictObject({ about: z.string(), remedy: z.string() })),
  /** Studio itself, and what runs beside it. `cpuShare`: of one processor, since the last look; null at the first. */
  processes: z.array(z.strictObject({ name: z.string(), pid: z.int(), memoryBytes: bytes, cpuShare: z.number().nullable(), threads: z.int() })),
});
export type SystemInfo = z.infer<typeof systemInfo>;

export const reload = z.strictObject({
  at: timestamp,
  applied: z.array(z.string()),
  needsRestart: z.array(z.string()),
  /** Why nothing was changed. */
  faults: z.array(z.string()),
});

export const configuration = z.strictObject({
  mode: z.enum(['embedded', 'managed']),
  /** Why it is that. */
  reason: z.string(),
  keys: z.array(
    z.strictObject({
      name: z.string(),
      aliases: z.array(z.string()),
      /** Of a secret only whether there is one. */
      value: z.string(),
      from: z.string(),
      isDefault: z.boolean(),
      /** Weaker sources that it hides. */
      hides: z.array(z.string()),
      change: z.string(),
      about: z.string(),
      /** Takes effect with a reload. */
      isLive: z.boolean(),
    }),
  ),
  notices: z.array(z.string()),
  /** What the newest reload came to. */
  reload: reload.nullable(),
});
export type Configuration = z.infer<typeof configuration>;

const tag = 'machine';

export const systemEndpoints = [
  endpoint({ key: 'GET /api/v1/system/info', tag: 'health', summary: 'Version, uptime, limits, and what each process uses', status: 200, reply: systemInfo }),
  endpoint({
    key: 'GET /api/v1/system/configuration',
    tag,
    summary: 'Each setting, where it came from and what would change it',
    status: 200,
    reply: configuration,
  }),
  endpoint({
    key: 'POST /api/v1/system/reload',
    tag,
    summary: 'Read the configuration again',
    description: 'Applies what can change under a running Studio and names what needs a restart. One that can not be used changes nothing: `faults` says why.',
    status: 200,
    reply: reload,
  }),
] as const;
