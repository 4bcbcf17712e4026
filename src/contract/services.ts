/** Services: long-running children that Studio supervises: its own (postgres, redis, cloudflared) and those that people define. Of the machine. */
import * as z from 'zod';
import { logMatches, logSearch, logTimes, logTimesQuery } from './job-logs.ts';
import { endpoint, noReply, page, pageQuery, timestamp } from './endpoint.ts';
import { roles, serviceStates } from './values.ts';

/** Short enough for a path and a log file's name. */
const serviceName = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'a service is named by a to z, then up to 39 of a to z, 0 to 9 and "-"');
const named = z.strictObject({ name: z.string().max(64) });

const DAY_MS = 86_400_000;
const starting = {
  /** How long it may take until it answers for the first time. Default: HEALTH_CHECK_TIMEOUT_SECS. */
  timeoutMs: z.int().min(100).max(DAY_MS).optional(),
  /** How often it is asked in that time; the pause grows from 250 ms to 10 s. Default: HEALTH_CHECK_MAX_ATTEMPTS. */
  maxAttempts: z.int().min(1).max(10_000).optional(),
  /** Asked so often once it runs. */
  intervalMs: z.int().min(250).max(DAY_MS).default(10_000),
  /** Restarted after so many failed checks in a row; null: it is only said that it does not answer. */
  restartAfter: z.int().min(1).max(1_000).nullable().default(null),
};

const serviceHealth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('http'), path: z.string().startsWith('/').max(2_000).default('/'), ...starting }),
  z.strictObject({ type: z.literal('tcp'), ...starting }),
  z.strictObject({ type: z.literal('none') }),
]);

/** How its own web page opens at `/services/<name>/`. */
const servicePage = z.strictObject({
  /** Where the page begins, below the service's own root. */
  path: z.string().startsWith('/').max(500).default('/'),
  /** Who may open it. */
  role: z.enum(roles).default('super_admin'),
  /** `sandbox`: the page has an origin of its own and can't act for who looks at it. `trusted`: it shares Studio's origin: a script in it can do what its reader can. */
  isolation: z.enum(['sandbox', 'trusted']).default('sandbox'),
  /** False: the service is told of `{{base}}` and wants the whole path; only for a trusted page. */
  stripPrefix: z.boolean().default(true),
});

/** What a person writes, over the API or in a file. `{{port}}`, `{{base}}`, `{{folder}}` and `{{workspace}}` stand in command, env and cwd; `{{ secrets.X }}` in env alone. */
export const serviceDefinition = z.strictObject({
  name: serviceName,
  title: z.string().max(100).optional(),
  /** Argv: the program and its arguments, never a line for a shell. */
  command: z.array(z.string().max(131_072)).min(1).max(1_000),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(131_072)).default({}),
  /** Absolute, or below the workspace. Default: the service's own folder. */
  cwd: z.string().min(1).max(4_096).optional(),
  /** Fixed, for a program that can't be told; otherwise Studio finds a free one. */
  port: z.int().min(1_024).max(65_535).optional(),
  health: serviceHealth.default({ type: 'tcp', intervalMs: 10_000, restartAfter: null }),
  /** While a required one is down, Studio is not ready (503 on /health); it can be restarted, not stopped. */
  required: z.boolean().default(false),
  /** False: it stays stopped until it is started by hand. */
  enabled: z.boolean().default(true),
  /** Services that must run before it starts; they are started for it. */
  after: z.array(serviceName).max(50).default([]),
  restart: z
    .strictObject({
      policy: z.enum(['always', 'on_failure', 'never']).default('always'),
      /** Given up after so many failed tries in a row; null: never. */
      maxRetries: z.int().min(0).max(1_000_000).nullable().default(null),
    })
    .default({ policy: 'always', maxRetries: null }),
  resources: z
    .strictObject({
      gpus: z.int().min(0).max(64).default(0),
      vramBytes: z.int().min(0).default(0),
      cpu: z.number().min(0).max(4_096).default(0),
      memoryBytes: z.int().min(0).default(0),
      priority: z.int().min(0).max(100).default(50),
    })
    .default({ gpus: 0, vramBytes: 0, cpu: 0, memoryBytes: 0, priority: 50 }),
  /** Stopped when nobody used it for so long, started again by the next use. Its GPU memory is also given up to who waits for it. */
  idle: z
    .strictObject({
      afterMs: z
        .int()
        .min(1_000)
        .max(365 * DAY_MS),
    })
    .nullable()
    .default(null),
  stopSignal: z.enum(['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP']).default('SIGTERM'),
  stopGraceMs: z.int().min(0).max(60_000).default(10_000),
  page: servicePage.nullable().default(null),
});
export type ServiceDefinition = z.infer<typeof serviceDefinition>;

/** What a file may say of a service that stands elsewhere: of one defined over the API anything, of Studio's own `required` alone. */
export const serviceOverride = serviceDefinition.partial().required({ name: true });

/** What the supervisor knows of any child. */
export const serviceStatus = z.strictObject({
  name: z.string(),
  state: z.enum(serviceStates),
  required: z.boolean(),
  pid: z.int().nullable(),
  since: timestamp.nullable(),
  restarts: z.int(),
  /** Newest first: how it ended before. */
  exits: z.array(z.strictObject({ at: timestamp, code: z.int().nullable(), signal: z.string().nullable(), uptimeMs: z.int(), lastLines: z.array(z.string()) })),
  reason: z.string().optional(),
  /** Of its start, 0 to 1, where it can be told. */
  progress: z.number().optional(),
});
export type ServiceStatus = z.infer<typeof serviceStatus>;

export const service = serviceStatus.extend({
  title: z.string().nullable(),
  /** Who defined it. A file's is edited in the file. */
  source: z.enum(['built_in', 'file', 'api']),
  /** The file; null when it is none's. */
  file: z.string().nullable(),
  enabled: z.boolean(),
  after: z.array(z.string()),
  port: z.int().nullable(),
  /** Memory of all its processes; null while it does not run. */
  memoryBytes: z.int().nullable(),
  lastUsedAt: timestamp.nullable(),
  /** Below Studio's own address; null: it has no page, or the caller may not open it. */
  page: z.string().nullable(),
  /** What is granted to it of each device. */
  devices: z.array(z.strictObject({ index: z.int(), bytes: z.int() })),
});
export type Service = z.infer<typeof service>;

const tag = 'services';
const logQuery = z.strictObject({ follow: z.stringbool().default(false), from: z.coerce.number().int().min(0).default(0) });

export const serviceEndpoints = [
  endpoint({ key: 'GET /api/v1/services', tag, summary: 'List services', query: z.strictObject(pageQuery), status: 200, reply: page(service) }),
  endpoint({
    key: 'POST /api/v1/services',
    tag,
    summary: 'Define a service, and start it unless it is disabled',
    description:
      'It runs as Studio itself: whoever may define one may do everything on this machine. Definitions also come from services/*.yaml and *.json in the workspace.',
    body: serviceDefinition,
    status: 201,
    reply: service,
    errors: ['invalid_body', 'conflict', 'unsatisfiable'],
  }),
  endpoint({
    key: 'GET /api/v1/services/{name}',
    tag,
    summary: 'Read a service and its definition',
    params: named,
    status: 200,
    reply: z.strictObject({ service, definition: serviceDefinition.nullable() }),
    errors: ['not_found'],
  }),
  endpoint({
    key: 'PUT /api/v1/services/{name}',
    tag,
    summary: 'Change the definition of a service; it is restarted when it runs',
    params: named,
    body: serviceDefinition.omit({ name: true }),
    status: 200,
    reply: service,
    errors: ['invalid_body', 'not_found', 'conflict', 'unsatisfiable'],
  }),
  endpoint({
    key: 'DELETE /api/v1/services/{name}',
    tag,
    summary: 'Stop a service and forget its definition; its folder stays',
    params: named,
    status: 204,
    reply: noReply,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/services/{name}/start',
    tag,
    summary: 'Start a service, and those it needs',
    params: named,
    status: 200,
    reply: service,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/services/{name}/stop',
    tag,
    summary: 'Stop a service; it stays stopped until it is started, or Studio is',
    params: named,
    status: 200,
    reply: service,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/services/{name}/restart',
    tag,
    summary: 'Restart a service',
    params: named,
    status: 200,
    reply: service,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/services/{name}/enable',
    tag,
    summary: 'Let a service start with Studio, and start it',
    params: named,
    status: 200,
    reply: service,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/services/{name}/disable',
    tag,
    summary: 'Stop a service and let it stay stopped',
    params: named,
    status: 200,
    reply: service,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'GET /api/v1/services/{name}/log',
    tag,
    summary: 'What it wrote, as text; ranges work, with follow it streams',
    params: named,
    query: logQuery,
    status: 200,
    reply: z.string(),
    replyType: 'text/plain; charset=utf-8',
    errors: ['not_found', 'invalid_query'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/services/{name}/log/times',
    tag,
    summary: 'When the lines of the log were written',
    description: 'As of a job: what lies between two of them was written between their times.',
    params: named,
    query: logTimesQuery,
    status: 200,
    reply: logTimes,
    errors: ['not_found', 'invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/services/{name}/log/search',
    tag,
    summary: 'Lines of the log that hold a text',
    description: '`next` is where the next call goes on, null at the end.',
    params: named,
    query: logSearch,
    status: 200,
    reply: logMatches,
    errors: ['not_found', 'invalid_query'],
  }),
] as const;
