/** How much of the models a key, or a whole org, may use. Counted by the gateway for all processes, over restarts too; what is absent is not limited. */
import * as z from 'zod';
import { endpoint } from './endpoint.ts';

export const modelLimits = z.strictObject({
  requestsPerMinute: z.int().min(1).max(1_000_000).optional(),
  /** Of prompts and answers together. */
  tokensPerMinute: z.int().min(1).max(1_000_000_000).optional(),
  /** Answered at the same time. */
  concurrent: z.int().min(1).max(10_000).optional(),
});
export type ModelLimits = z.infer<typeof modelLimits>;

/** Of the minute that is going on, and right now. What is not limited is not counted. */
const modelUse = z.strictObject({ requestsPerMinute: z.number().optional(), tokensPerMinute: z.number().optional(), concurrent: z.int().optional() });
export type ModelUse = z.infer<typeof modelUse>;

export const modelLimitEndpoints = [
  endpoint({
    key: 'GET /api/v1/api-keys/{id}/model-use',
    tag: 'api-keys',
    summary: 'What an API key may use of the models, and how much of it is used now',
    params: z.strictObject({ id: z.string().max(64) }),
    status: 200,
    reply: z.strictObject({ limits: modelLimits.nullable(), used: modelUse }),
    errors: ['not_found'],
  }),
] as const;
