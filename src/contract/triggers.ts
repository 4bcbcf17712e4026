/** What starts instances by itself, over the API: seeing and switching triggers one by one, of a workflow, of the org. Their params: trigger-params.ts. */
import * as z from 'zod';
import { endpoint, page, pageQuery, timestamp } from './endpoint.ts';
import { trigger } from './graph.ts';

const id = z.strictObject({ id: z.string().max(64) });
const idAndKey = z.strictObject({ id: z.string().max(64), key: z.string().max(64) });

/** What became of the last time that a trigger had reason to fire. */
export const triggerResult = z.strictObject({
  outcome: z.enum(['started', 'queued', 'skipped', 'refused']),
  at: timestamp,
  /** Of a schedule: the time by its calendar. */
  dueAt: timestamp.optional(),
  instanceId: z.string().optional(),
  /** Why not, or why late. */
  reason: z.string().optional(),
});
export type TriggerResult = z.infer<typeof triggerResult>;

/** A trigger as stored: `url` is relative, of webhooks and forms; times are null when it never fires or fired. */
export const triggerView = trigger.extend({
  url: z.string().optional(),
  nextFireAt: timestamp.nullable(),
  lastFiredAt: timestamp.nullable(),
  lastError: z.string().nullable(),
  lastResult: triggerResult.nullable(),
});
export type TriggerView = z.infer<typeof triggerView>;

/** `paused`: on, but the triggers of the org are paused. */
const triggerState = z.enum(['active', 'disabled', 'paused', 'archived']);

const triggerRow = triggerView.extend({ workflowId: z.string(), workflowName: z.string(), state: triggerState });
export type TriggerRowView = z.infer<typeof triggerRow>;

const switched = z.strictObject({ triggers: z.array(triggerView) });
const paused = z.strictObject({ paused: z.boolean() });

export const triggerEndpoints = [
  endpoint({
    key: 'GET /api/v1/triggers',
    tag: 'triggers',
    summary: 'List the triggers of all workflows: state, next and last time, last fault',
    query: z.strictObject({ ...pageQuery, type: trigger.shape.type.optional() }),
    status: 200,
    reply: page(triggerRow),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'POST /api/v1/triggers/pause',
    tag: 'triggers',
    summary: 'Pause all triggers of the org',
    description: 'Webhooks and forms are refused (409), events start nothing; what schedules miss meanwhile is caught up as each says, after resume.',
    status: 200,
    reply: paused,
  }),
  endpoint({ key: 'POST /api/v1/triggers/resume', tag: 'triggers', summary: 'Let the triggers of the org fire again', status: 200, reply: paused }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/triggers/enable',
    tag: 'triggers',
    summary: 'Switch all triggers of a workflow on',
    description: 'All or none: one that can not be switched on (its secret is missing) is the answer.',
    params: id,
    status: 200,
    reply: switched,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/triggers/disable',
    tag: 'triggers',
    summary: 'Switch all triggers of a workflow off',
    params: id,
    status: 200,
    reply: switched,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/triggers/{key}/enable',
    tag: 'triggers',
    summary: 'Switch a trigger on',
    params: idAndKey,
    status: 200,
    reply: triggerView,
    errors: ['not_found', 'conflict'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/triggers/{key}/disable',
    tag: 'triggers',
    summary: 'Switch a trigger off',
    params: idAndKey,
    status: 200,
    reply: triggerView,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/triggers/{key}/rotate',
    tag: 'triggers',
    summary: 'Give a webhook or a public form a new URL',
    params: idAndKey,
    status: 200,
    reply: triggerView,
    errors: ['not_found', 'conflict'],
  }),
] as const;
