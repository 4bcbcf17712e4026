/** fail: ends the instance as failed. */
import * as z from 'zod';
import { defineNode, inPort } from '../kit.ts';

export const fail = defineNode({
  type: 'fail',
  version: 1,
  title: 'Fail',
  summary: 'Ends the instance as failed, with a message.',
  category: 'flow',
  inputs: inPort,
  outputs: [],
  params: z.strictObject({
    message: z.json().describe('What went wrong'),
    code: z.string().min(1).max(64).optional().describe('A short name for programs; "failed" when absent'),
  }),
  example: { message: 'No invoice for {{ input.order }}', code: 'no_invoice' },
  docs: `Ends the instance as failed with \`message\` and \`code\` as its error. Steps that still run or wait are cancelled. Retrying the instance runs this step again.

Errors: its own.`,
  runs: 'inline',
  pure: true,
  run: (params) => ({
    kind: 'end',
    status: 'failed',
    code: params.code ?? 'failed',
    message: typeof params.message === 'string' ? params.message : JSON.stringify(params.message),
  }),
});
