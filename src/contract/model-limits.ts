/** How much of the models a key, or a whole org, may use. Counted by the gateway for all processes, over restarts too; what is absent is not limited. */
import * as z from 'zod';

export const modelLimits = z.strictObject({
  requestsPerMinute: z.int().min(1).max(1_000_000).optional(),
  /** Of prompts and answers together. */
  tokensPerMinute: z.int().min(1).max(1_000_000_000).optional(),
  /** Answered at the same time. */
  concurrent: z.int().min(1).max(10_000).optional(),
});
export type ModelLimits = z.infer<typeof modelLimits>;
