/** What an idle machine does: it warns, runs a hook, and stops its own pod. Off unless somebody turns it on. Of the machine. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

export const idlePolicy = z.strictObject({
  enabled: z.boolean().default(false),
  /** Idle for so long, it acts. */
  afterMs: z
    .int()
    .min(MINUTE_MS)
    .max(30 * DAY_MS)
    .default(30 * MINUTE_MS),
  /** Warned of so long before, at least. */
  warnMs: z
    .int()
    .min(0)
    .max(DAY_MS)
    .default(5 * MINUTE_MS),
  /** A device that computes more than this is busy, whoever uses it. */
  gpuPercent: z.number().min(0).max(100).default(5),
  /** Somebody who is signed in and does something keeps it awake. */
  countSessions: z.boolean().default(true),
  /** So does an instance that waits for a timer, a person or a callback. */
  countWaiting: z.boolean().default(false),
  /** Argv, run before the stop, as Studio itself. Ending with another code than 0 it keeps the machine awake for another round. */
  hook: z
    .strictObject({
      command: z.array(z.string().max(131_072)).min(1).max(1_000),
      timeoutMs: z.int().min(1_000).max(3_600_000).default(MINUTE_MS),
    })
    .nullable()
    .default(null),
  /** `pod`: RunPod is asked to stop this pod (never to terminate it). `none`: warning and hook are all. */
  stop: z.enum(['pod', 'none']).default('pod'),
});
export type IdlePolicy = z.infer<typeof idlePolicy>;

export const idleState = z.strictObject({
  policy: idlePolicy,
  /** `awake`: something goes on, or did a moment ago. `warned`: it acts at `actsAt`. `acted`: it did, and is still there. */
  phase: z.enum(['off', 'awake', 'warned', 'acted']),
  /** Since when nothing goes on; null: something does. */
  idleSince: timestamp.nullable(),
  actsAt: timestamp.nullable(),
  /** What keeps it awake now. */
  busy: z.array(z.strictObject({ what: z.string(), message: z.string() })),
  keptAwakeUntil: timestamp.nullable(),
  /** What came of its last act. */
  last: z.strictObject({ at: timestamp, ok: z.boolean(), message: z.string() }).nullable(),
  /** Whether it could stop itself, and why not. */
  canStop: z.strictObject({ ok: z.boolean(), message: z.string() }),
});
export type IdleState = z.infer<typeof idleState>;

const tag = 'idle';

export const idleEndpoints = [
  endpoint({ key: 'GET /api/v1/idle', tag, summary: 'Whether the machine idles, and what it will do', status: 200, reply: idleState }),
  endpoint({
    key: 'PUT /api/v1/idle',
    tag,
    summary: 'Set what an idle machine does',
    body: idlePolicy,
    status: 200,
    reply: idleState,
    errors: ['invalid_body'],
  }),
  endpoint({
    key: 'POST /api/v1/idle/keep-awake',
    tag,
    summary: 'Count as busy for a while',
    body: z.strictObject({
      ms: z
        .int()
        .min(0)
        .max(30 * DAY_MS),
    }),
    status: 200,
    reply: idleState,
    errors: ['invalid_body'],
  }),
] as const;
