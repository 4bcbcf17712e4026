/** What people tell instances and their steps to do. Each answers with the instance as it is then; what may not be done now is `illegal_transition`. */
import * as z from 'zod';
import { endpoint, json } from './endpoint.ts';
import { idAndPath, instance, instanceId } from './instances.ts';

/** Whether what follows goes on, or the step alone changed because what follows has run. */
const effect = z.enum(['advancing', 'isolated']);
const commandReply = z.strictObject({ instance, effect });

const instanceCommand = <const Name extends string>(name: Name, summary: string) =>
  endpoint({
    key: `POST /api/v1/instances/{id}/${name}`,
    tag: 'instances',
    summary,
    params: instanceId,
    status: 200,
    reply: instance,
    errors: ['not_found', 'illegal_transition'],
  });

const stepCommand = <const Name extends string>(name: Name, summary: string) =>
  endpoint({
    key: `POST /api/v1/instances/{id}/steps/{path}/${name}`,
    tag: 'instances',
    summary,
    params: idAndPath,
    status: 200,
    reply: commandReply,
    errors: ['not_found', 'illegal_transition'],
  });

export const instanceCommandEndpoints = [
  instanceCommand('start', 'Start a pending instance'),
  instanceCommand('pause', 'Start no further steps; running ones finish'),
  endpoint({
    key: 'POST /api/v1/instances/{id}/resume',
    tag: 'instances',
    summary: 'Go on after a pause',
    description: 'In debug mode it lets every step start that waits for a word. With `debug: false` it also ends that mode, with `debug: true` it begins it.',
    params: instanceId,
    body: z.strictObject({ debug: z.boolean().optional() }),
    status: 200,
    reply: instance,
    errors: ['invalid_body', 'not_found', 'illegal_transition'],
  }),
  instanceCommand('cancel', 'Stop it: running steps are cancelled, their processes ended'),
  instanceCommand('retry', 'Go on from what failed'),
  endpoint({
    key: 'POST /api/v1/instances/{id}/rerun',
    tag: 'instances',
    summary: 'Start a new instance from this one',
    description: 'From the start, or from the step named in `from` with the results before it reused.',
    params: instanceId,
    body: z.strictObject({ from: z.string().max(512).optional(), version: z.enum(['same', 'newest']).default('same'), input: json.optional() }),
    status: 201,
    reply: instance,
    errors: ['invalid_body', 'not_found', 'conflict', 'illegal_transition', 'disk_full'],
  }),
  stepCommand('start', 'Start a step that waits for a person: a manual one, or one paused in debug mode'),
  stepCommand('retry', 'Run a finished step again in a new generation'),
  stepCommand('skip', 'Skip a step that has not ended'),
  stepCommand('cancel', 'Cancel a running or waiting step'),
  endpoint({
    key: 'POST /api/v1/instances/{id}/steps/{path}/complete',
    tag: 'instances',
    summary: 'Complete a waiting step by hand',
    params: idAndPath,
    body: z.strictObject({ output: json.optional() }),
    status: 200,
    reply: commandReply,
    errors: ['invalid_body', 'not_found', 'illegal_transition'],
  }),
  endpoint({
    key: 'POST /api/v1/instances/{id}/steps/{path}/result',
    tag: 'instances',
    summary: 'Edit the recorded output of an ended step, in a new generation',
    params: idAndPath,
    body: z.strictObject({ output: json }),
    status: 200,
    reply: commandReply,
    errors: ['invalid_body', 'not_found', 'illegal_transition'],
  }),
  endpoint({
    key: 'POST /api/v1/instances/{id}/steps/{path}/approve',
    tag: 'instances',
    summary: 'Approve a step that waits for approval',
    description: 'The form must fit the schema in `waitReason.data.form`. 403 names those who may decide.',
    params: idAndPath,
    body: z.strictObject({ comment: z.string().max(4_000).optional(), form: json.optional() }),
    status: 200,
    reply: commandReply,
    errors: ['invalid_body', 'forbidden', 'not_found', 'illegal_transition', 'too_large'],
  }),
  endpoint({
    key: 'POST /api/v1/instances/{id}/steps/{path}/reject',
    tag: 'instances',
    summary: 'Reject a step that waits for approval',
    params: idAndPath,
    body: z.strictObject({ comment: z.string().max(4_000).optional() }),
    status: 200,
    reply: commandReply,
    errors: ['invalid_body', 'forbidden', 'not_found', 'illegal_transition'],
  }),
] as const;
