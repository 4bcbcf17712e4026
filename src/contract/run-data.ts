/** What instances leave in the database: how much, in which periods, when each goes, and sweeping it now. Of the machine: for the super administrator. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { instanceStatuses } from './values.ts';

const bytes = z.int().min(0);

const runDataPeriod = z.strictObject({
  /** The day it begins (`20260105`), or `before` and `after`, which stand around the periods. */
  name: z.string(),
  from: timestamp.nullable(),
  to: timestamp.nullable(),
  bytes,
  instances: z.int(),
  /** True: by the statistics, for it is too large to be counted each time. */
  isEstimate: z.boolean(),
  live: z.int(),
  oldestLive: z.string().nullable(),
  /** When everything in it is past the machine's retention, at the latest one period after the first of it. Null: never, or it is no period. */
  dueAt: timestamp.nullable(),
});

const heldPeriod = z.strictObject({
  name: z.string(),
  dueAt: timestamp,
  bytes,
  /** The oldest instances that live or are not past their retention. */
  heldBy: z.array(z.strictObject({ id: z.string(), workflowId: z.string(), status: z.enum(instanceStatuses), expiresAt: timestamp.nullable() })),
});

export const sweepReport = z.strictObject({
  startedAt: timestamp,
  ms: z.int(),
  made: z.array(z.string()),
  dropped: z.array(z.strictObject({ name: z.string(), bytes, why: z.enum(['retention', 'budget']) })),
  deletedInstances: z.int(),
  /** Cached results whose time was over. */
  deletedResults: z.int(),
  /** Archived for longer than 30 days. */
  deletedWorkflows: z.int(),
  /** Not made or dropped because the tables were busy: next time. */
  postponed: z.array(z.string()),
  held: z.array(heldPeriod),
  bytes,
  /** False: the time was over before the work; the next sweep goes on. */
  isComplete: z.boolean(),
});

const runData = z.strictObject({
  bytes,
  budgetBytes: bytes.nullable(),
  overBudget: z.enum(['alarm', 'drop']),
  /** 0: for ever. */
  retentionDays: z.number(),
  periodDays: z.int(),
  /** Why health is degraded. */
  fault: z.string().nullable(),
  /** Oldest first. */
  periods: z.array(runDataPeriod),
  lastSweep: sweepReport.nullable(),
});

export const runDataEndpoints = [
  endpoint({
    key: 'GET /api/v1/run-data',
    tag: 'machine',
    summary: 'What instances take on disk, by period, and when each period is dropped',
    status: 200,
    reply: runData,
  }),
  endpoint({
    key: 'POST /api/v1/run-data/sweep',
    tag: 'machine',
    summary: 'Make periods ahead, drop old ones and delete what is past its retention, now',
    status: 200,
    reply: sweepReport,
    errors: ['conflict'],
  }),
] as const;
