/** wait.timer: waits for a time, durably and without holding a slot. */
import * as z from 'zod';
import { defineNode, inPort, NodeError, outPort } from '../kit.ts';

/** Ten years: longer is a mistake in units. */
const MAX_WAIT_MS = 10 * 366 * 86_400_000;

export const waitTimer = defineNode({
  type: 'wait.timer',
  version: 1,
  title: 'Wait',
  summary: 'Waits for a duration or until a moment; survives restarts and holds no slot.',
  category: 'flow',
  inputs: inPort,
  outputs: outPort,
  params: z
    .strictObject({
      durationMs: z.number().min(0).max(MAX_WAIT_MS).optional().describe('How long, in ms'),
      until: z.string().max(64).optional().describe('Until when, ISO 8601'),
    })
    .refine((params) => (params.durationMs === undefined) !== (params.until === undefined), 'give exactly one of "durationMs" and "until"')
    .refine((params) => params.until === undefined || Number.isFinite(Date.parse(params.until)), {
      path: ['until'],
      message: 'a moment in ISO 8601, such as 2026-12-24T18:00:00Z',
    }),
  example: { durationMs: 60_000 },
  docs: `The step is \`waiting\` until then; it can be completed, skipped or cancelled by hand. A moment in the past does not wait. Output: \`{ waitedMs }\`.

Errors: \`bad_time\` when \`until\` is further away than ten years.`,
  runs: 'inline',
  pure: false,
  run(params) {
    if (params.until === undefined) return { kind: 'wait', wait: { kind: 'timer', afterMs: params.durationMs ?? 0 } };
    const until = Date.parse(params.until);
    if (!Number.isFinite(until)) throw new NodeError('bad_time', `"${params.until}" is no moment in ISO 8601`, { final: true });
    return { kind: 'wait', wait: { kind: 'timer', until } };
  },
});
