/** The logs of the machine: Studio's own and those of its services. They tell of every organisation, so only a super administrator reads them.
 *  Live over the socket: the room `machine_log:<service>` streams the file from a byte on, as logs of jobs do. */
import * as z from 'zod';
import { endpoint, json, timestamp } from './endpoint.ts';
import { logLevels } from './values.ts';

/** `studio`: all that Studio logs. Another name: what that service wrote. */
export const logService = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'a service is named by a to z, then a to z, 0 to 9 and "-"');

export const logLine = z.strictObject({
  /** Names the line as long as its file is kept. */
  id: z.string(),
  /** Null: the line does not tell. */
  at: timestamp.nullable(),
  level: z.enum(logLevels).nullable(),
  message: z.string(),
  requestId: z.string().nullable(),
  /** Whose words they are, where Studio hands on those of another: postgres, redis, … */
  service: z.string().nullable(),
  fields: z.record(z.string(), json),
});
export type LogLine = z.infer<typeof logLine>;

export const logLevelState = z.strictObject({
  level: z.enum(logLevels),
  configured: z.enum(logLevels),
  /** When it goes back to the configured one. */
  until: timestamp.nullable(),
});

const tag = 'logs';
const DAY_MS = 86_400_000;

export const logEndpoints = [
  endpoint({
    key: 'GET /api/v1/logs',
    tag,
    summary: 'Read the log of Studio or of a service, newest lines first',
    description:
      'Each call looks at a bounded stretch of the log: where a filter lets little through, a page may be short or empty while `next` goes on. Rotated files are read, too.',
    query: z.strictObject({
      service: logService.default('studio'),
      /** This level and what is worse. */
      level: z.enum(logLevels).optional(),
      text: z.string().min(1).max(200).optional(),
      requestId: z.string().min(1).max(128).optional(),
      since: timestamp.optional(),
      until: timestamp.optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
      after: z.string().max(64).optional(),
    }),
    status: 200,
    reply: z.strictObject({
      items: z.array(logLine),
      next: z.string().nullable(),
      /** The time of the oldest line that was looked at. */
      lookedBackTo: timestamp.nullable(),
      /** The byte from which the socket goes on. */
      end: z.int(),
      /** Whose logs there are. */
      services: z.array(z.string()),
    }),
    errors: ['invalid_query', 'not_found'],
  }),
  endpoint({ key: 'GET /api/v1/logs/level', tag, summary: 'From which level on is logged', status: 200, reply: logLevelState }),
  endpoint({
    key: 'PUT /api/v1/logs/level',
    tag,
    summary: 'Change the level that is logged from, at once; null: as configured',
    body: z.strictObject({
      level: z.enum(logLevels).nullable(),
      /** Default: until it is changed again. */
      forMs: z
        .int()
        .min(1_000)
        .max(30 * DAY_MS)
        .nullable()
        .default(null),
    }),
    status: 200,
    reply: logLevelState,
    errors: ['invalid_body'],
  }),
] as const;
