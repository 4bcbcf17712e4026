/** What instances leave in the database, over the API. Never decides when it goes: ops/run-data.ts does. */
import type * as z from 'zod';
import { runDataEndpoints, type sweepReport } from '../../contract/run-data.ts';
import type { RunData } from '../../ops/run-data.ts';
import type { SweepReport } from '../../ops/run-data-sweep.ts';
import { routesOf, type Route } from '../route.ts';

export function runDataRoutes(runData: RunData): readonly Route[] {
  return routesOf(runDataEndpoints, {
    'GET /api/v1/run-data': async () => {
      const { retentionDays, periodDays, budgetBytes, overBudget } = runData.settings;
      const periods = await runData.listPeriods();
      return {
        body: {
          bytes: periods.reduce((sum, { bytes }) => sum + bytes, 0),
          budgetBytes,
          overBudget,
          retentionDays,
          periodDays,
          fault: runData.summary?.fault ?? null,
          periods,
          lastSweep: runData.lastSweep === undefined ? null : replyOf(runData.lastSweep),
        },
      };
    },
    'POST /api/v1/run-data/sweep': async () => ({ body: replyOf(await runData.sweep()) }),
  });
}

function replyOf(report: SweepReport): z.infer<typeof sweepReport> {
  return {
    ...report,
    made: [...report.made],
    dropped: [...report.dropped],
    postponed: [...report.postponed],
    held: report.held.map(({ name, dueAt, bytes, heldBy }) => ({
      name,
      dueAt: dueAt.toISOString(),
      bytes,
      heldBy: heldBy.map((one) => ({ ...one, expiresAt: one.expiresAt?.toISOString() ?? null })),
    })),
  };
}
