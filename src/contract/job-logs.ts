/** Logs of jobs over the API: read in parts or followed, searched, and entered at a time. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';

const id = z.strictObject({ id: z.string().max(64) });

const logMatch = z.strictObject({
  /** Byte in the log at which the line begins: what `from` takes. */
  at: z.int(),
  /** The line, cut at 2,000 characters around the match. */
  text: z.string(),
});

/** What is looked for in a log. */
export const logSearch = z.strictObject({
  text: z.string().min(1).max(200),
  exact: z.stringbool().default(false),
  from: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
export const logMatches = z.strictObject({ matches: z.array(logMatch), next: z.int().nullable(), bytes: z.int() });

/** Which times of a log are asked for. */
export const logTimesQuery = z.strictObject({
  from: z.coerce.number().int().min(0).default(0),
  to: z.coerce.number().int().min(0).optional(),
  limit: z.coerce.number().int().min(1).max(5_000).default(500),
  at: timestamp.optional(),
});
export const logTimes = z.strictObject({
  times: z.array(z.strictObject({ at: timestamp, byte: z.int() })),
  /** Where the log goes on at the asked-for time. Null: none was asked for. */
  byteAt: z.int().nullable(),
  bytes: z.int(),
});

export const jobLogEndpoints = [
  endpoint({
    key: 'GET /api/v1/jobs/{id}/log',
    tag: 'jobs',
    summary: 'The log, as text; with follow it streams until the job ends',
    description:
      'Ranges work, of the whole log. `at` begins with what was written at that time. With collapse, lines that were rewritten by carriage returns (progress bars) are given once, as they stood at last.',
    params: id,
    query: z.strictObject({
      follow: z.stringbool().default(false),
      from: z.coerce.number().int().min(0).default(0),
      at: timestamp.optional(),
      collapse: z.stringbool().default(false),
    }),
    status: 200,
    reply: z.string(),
    replyType: 'text/plain; charset=utf-8',
    errors: ['not_found', 'invalid_query'],
    streams: true,
  }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/log/times',
    tag: 'jobs',
    summary: 'When the lines of the log were written',
    description:
      'Of the bytes `from` to `to`, evenly thinned to `limit`. What lies between two of them was written between their times; a tenth of a second is told apart.',
    params: id,
    query: logTimesQuery,
    status: 200,
    reply: logTimes,
    errors: ['not_found', 'invalid_query'],
  }),
  endpoint({
    key: 'GET /api/v1/jobs/{id}/log/search',
    tag: 'jobs',
    summary: 'Lines of the log that hold a text',
    description: 'Looks through 256 MiB a call at most; `next` is where the next call goes on, null at the end.',
    params: id,
    query: logSearch,
    status: 200,
    reply: logMatches,
    errors: ['not_found', 'invalid_query'],
  }),
] as const;
