/** Approvals: what waits for the caller's word. Deciding is done at the step itself (contract/instances: approve, reject). */
import * as z from 'zod';
import { endpoint, json, page, pageQuery, timestamp } from './endpoint.ts';
import { roles } from './values.ts';

const decision = z.strictObject({
  userId: z.string(),
  name: z.string(),
  decision: z.enum(['approve', 'reject']),
  comment: z.string().nullable(),
  form: json,
  at: timestamp,
});

/** What an approval's `waitReason.data` holds, too. */
export const approvalFacts = z.strictObject({
  title: z.string(),
  message: z.string().optional(),
  /** JSON Schema of what who approves fills in. */
  form: z.record(z.string(), json).optional(),
  /** How many people must approve. */
  needed: z.int(),
  approvers: z.strictObject({ users: z.array(z.string()).optional(), roles: z.array(z.enum(roles)).optional() }),
  /** Id of who may not decide, having started the instance. */
  except: z.string().optional(),
  decisions: z.array(decision),
});
export type ApprovalFacts = z.infer<typeof approvalFacts>;

export const approval = z.strictObject({
  instanceId: z.string(),
  path: z.string(),
  generation: z.int(),
  workflowId: z.string(),
  workflowName: z.string(),
  ...approvalFacts.shape,
  since: timestamp.nullable(),
  until: timestamp.optional(),
});
export type Approval = z.infer<typeof approval>;

export const approvalEndpoints = [
  endpoint({
    key: 'GET /api/v1/approvals',
    tag: 'instances',
    summary: 'What waits for your approval, newest instance first',
    description: 'Those that you may decide and have not decided yet; with ?all=true every open approval of the organisation.',
    query: z.strictObject({ ...pageQuery, all: z.enum(['true', 'false']).optional() }),
    status: 200,
    reply: page(approval),
    errors: ['invalid_query'],
  }),
] as const;
