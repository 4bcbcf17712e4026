/** approval: waits until people have said yes or no. Whether a form fits its schema is checked before the signal (engine/approval-form.ts);
 *  who may decide, and what their decisions add up to, is judged here, from the state alone. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { roles, type Role } from '../../contract/values.ts';
import { asField, defineNode, inPort, NodeError, type NodeResult, type Signal } from '../kit.ts';

const MAX_WAIT_MS = 366 * 86_400_000;

const approvers = z.strictObject({
  count: z.int().min(1).max(50).default(1).describe('How many people must approve; one who rejects is enough to reject'),
  users: z.array(z.string().min(1).max(320)).max(200).optional().describe('E-mail addresses or ids of users who may decide'),
  roles: z.array(z.enum(roles)).max(3).optional().describe('Roles whose members may decide; a higher role includes the lower'),
});

const params = z.strictObject({
  title: z.string().trim().min(1).max(200),
  message: z
    .string()
    .max(10_000)
    .optional()
    .describe('What there is to decide')
    .meta(asField({ control: 'long' })),
  form: z
    .record(z.string(), z.json())
    .optional()
    .describe('JSON Schema of an object: what who approves fills in')
    .meta(asField({ control: 'schema' })),
  approvers: approvers.default({ count: 1 }).describe('Who may decide; by default whoever may run workflows'),
  timeoutMs: z.int().min(1).max(MAX_WAIT_MS).optional().describe('How long to wait, in ms'),
  onTimeout: z.enum(['reject', 'approve', 'fail']).default('fail').describe('What it means when the time is over'),
  selfApproval: z.boolean().default(true).describe('Whether who started the instance may approve'),
});
type Params = z.infer<typeof params>;

interface Decision {
  readonly userId: string;
  readonly name: string;
  readonly decision: 'approve' | 'reject';
  readonly comment: string | null;
  readonly form: Json;
  readonly at: string;
}

interface State {
  readonly shown: {
    readonly title: string;
    readonly message?: string;
    readonly form?: Record<string, Json>;
    readonly needed: number;
    readonly approvers: { readonly users?: readonly string[]; readonly roles?: readonly Role[] };
    /** Who started the instance and so may not decide. */
    readonly except?: string;
    readonly decisions: readonly Decision[];
  };
  readonly onTimeout: Params['onTimeout'];
}

export const approval = defineNode({
  type: 'approval',
  version: 1,
  title: 'Approval',
  summary: 'Waits until people have approved or rejected, with a form and their reasons.',
  category: 'flow',
  inputs: inPort,
  outputs: [
    { name: 'approved', title: 'Approved', kind: 'json' },
    { name: 'rejected', title: 'Rejected', kind: 'json' },
  ],
  params,
  portOf: (output) => portOf(output),
  example: {
    title: 'Publish the report?',
    message: 'It goes to {{ input.customer }}.',
    form: { type: 'object', properties: { price: { type: 'number', title: 'Price' } }, required: ['price'] },
    approvers: { count: 1, roles: ['admin'] },
    timeoutMs: 86_400_000,
    onTimeout: 'reject',
  },
  docs: `The step is \`waiting\` and its \`waitReason.data\` says what there is to decide. People decide on the instance's page, or with \`POST /api/v1/instances/{id}/steps/{path}/approve\` \`{ comment?, form? }\` and \`…/reject\` \`{ comment? }\`; \`GET /api/v1/approvals\` lists what waits for the caller. An API key counts as its owner.

\`form\` is a JSON Schema of an object; an approval whose values don't fit is refused, and the step waits on. \`approvers\`: \`users\` and \`roles\` name who may decide (any of them); \`count\` people must approve, each counts once. One rejection rejects.

Leaves by the port \`approved\` or \`rejected\`; an edge that names no port is taken both ways. Output: \`{ approved, form, comment, decisions }\`; \`form\` and \`comment\` are those of the last decision, \`decisions\` holds each: \`{ userId, name, decision, comment, form, at }\`. When the time decided, \`timedOut\` is true.

Errors: \`timeout\` (with \`onTimeout\` \`fail\`).`,
  check: (node) => [...formProblems(node.params?.['form']), ...approverProblems(node.params?.['approvers'])],
  runs: 'inline',
  pure: false,
  run(values, context) {
    const { count, users, roles: allowed } = values.approvers;
    const state: State = {
      shown: {
        title: values.title,
        ...(values.message === undefined ? {} : { message: values.message }),
        ...(values.form === undefined ? {} : { form: values.form }),
        needed: count,
        approvers: { ...(users === undefined ? {} : { users }), ...(allowed === undefined ? {} : { roles: allowed }) },
        ...(values.selfApproval || context.startedByUser === undefined ? {} : { except: context.startedByUser }),
        decisions: [],
      },
      onTimeout: values.onTimeout,
    };
    return waitOn(state, values.timeoutMs);
  },
  resume(signal, kept) {
    const state = kept as unknown as State;
    if (signal.kind === 'timeout') return timeOut(state);
    if (signal.kind !== 'decision') throw new NodeError('refused', 'this step waits for an approval, not for a call');
    return decide(state, signal);
  },
});

function waitOn(state: State, timeoutMs: number | undefined): NodeResult {
  const { title, needed, decisions } = state.shown;
  const message = needed === 1 ? `waits for an approval: ${title}` : `waits for approvals, ${decisions.length} of ${needed} given: ${title}`;
  return { kind: 'wait', wait: { kind: 'approval', message, state: state as unknown as Json, timeoutMs } };
}

function decide(state: State, signal: Extract<Signal, { kind: 'decision' }>): NodeResult {
  const { shown } = state;
  requireMay(state, signal.by);
  if (shown.decisions.some((one) => one.userId === signal.by.userId))
    throw new NodeError('refused', `${signal.by.name} has decided already; each person counts once`);
  const decision: Decision = {
    userId: signal.by.userId,
    name: signal.by.name,
    decision: signal.decision,
    comment: signal.comment ?? null,
    form: signal.form ?? null,
    at: signal.at,
  };
  const decisions = [...shown.decisions, decision];
  if (signal.decision === 'reject') return ended(false, decisions, `rejected by ${decision.name}${because(decision.comment)}`);
  if (decisions.length >= shown.needed) return ended(true, decisions, `approved by ${decisions.map((one) => one.name).join(', ')}${because(decision.comment)}`);
  return waitOn({ ...state, shown: { ...shown, decisions } }, undefined);
}

/** @throws NodeError forbidden, with who may */
function requireMay({ shown }: State, by: Extract<Signal, { kind: 'decision' }>['by']): void {
  const { users, roles: allowed } = shown.approvers;
  if (by.userId === shown.except) throw new NodeError('forbidden', 'whoever started this instance can not decide on it; somebody else has to');
  if (users === undefined && allowed === undefined) return;
  const isNamed = users?.some((user) => user === by.userId || (by.email !== undefined && user.toLowerCase() === by.email.toLowerCase())) ?? false;
  const hasRole = allowed?.some((role) => roles.indexOf(by.role) >= roles.indexOf(role)) ?? false;
  if (isNamed || hasRole) return;
  const who = [...(users ?? []), ...(allowed ?? []).map((role) => `the role ${role}`)].join(', ');
  throw new NodeError('forbidden', `${by.name} can not decide on this; those who can are: ${who}`);
}

function timeOut(state: State): NodeResult {
  const { decisions, needed } = state.shown;
  const approvals = `${decisions.length} of ${needed} approvals were given in time`;
  if (state.onTimeout === 'fail') throw new NodeError('timeout', `${approvals}: ${state.shown.title}`);
  return ended(state.onTimeout === 'approve', decisions, approvals, true);
}

function ended(approved: boolean, decisions: readonly Decision[], reason: string, timedOut = false): NodeResult {
  const last = decisions.at(-1);
  const output = {
    approved,
    form: last?.form ?? null,
    comment: last?.comment ?? null,
    decisions: decisions.map((decision) => ({ ...decision })),
    ...(timedOut ? { timedOut: true } : {}),
  };
  return { kind: 'output', output, port: approved ? 'approved' : 'rejected', reason };
}

function because(comment: string | null): string {
  return comment === null || comment === '' ? '' : `: ${comment.length > 200 ? `${comment.slice(0, 199)}…` : comment}`;
}

function portOf(output: Json): string | undefined {
  const isDecision = typeof output === 'object' && output !== null && !Array.isArray(output) && typeof output['approved'] === 'boolean';
  return isDecision ? (output['approved'] === true ? 'approved' : 'rejected') : undefined;
}

/** A form that is known before the run must be a schema that can be used. */
function formProblems(form: Json | undefined): readonly { readonly path: string; readonly code: string; readonly message: string }[] {
  if (typeof form !== 'object' || form === null || Array.isArray(form) || JSON.stringify(form).includes('{{')) return [];
  const problem = (message: string) => [{ path: 'params.form', code: 'bad_schema', message }];
  if (form['type'] !== 'object') return problem('the form is a JSON Schema of an object: give it "type": "object" and "properties"');
  try {
    z.fromJSONSchema(form as Parameters<typeof z.fromJSONSchema>[0]);
    return [];
  } catch (error) {
    return problem(`the form's schema can't be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where only named users may decide, there must be as many as have to. */
function approverProblems(value: Json | undefined): readonly { readonly path: string; readonly code: string; readonly message: string }[] {
  const { data } = approvers.safeParse(value ?? {});
  if (data?.users === undefined || data.roles !== undefined || data.users.some((user) => user.includes('{{'))) return [];
  const named = new Set(data.users.map((user) => user.toLowerCase())).size;
  if (named >= data.count) return [];
  const message = `${data.count} people must approve, and ${named} may: name more users, add a role, or lower the count`;
  return [{ path: 'params.approvers', code: 'too_few_approvers', message }];
}
