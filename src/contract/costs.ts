/** What this machine costs, and whose work it was spent on. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';

export const costGroups = ['job', 'workflow', 'org'] as const;
export type CostGroup = (typeof costGroups)[number];

const price = z.strictObject({ perHour: z.number().min(0).max(1_000_000), currency: z.string().regex(/^[A-Z]{3}$/, 'a currency is three letters, as USD') });

export const machinePrice = z.strictObject({
  perHour: z.number().nullable(),
  currency: z.string(),
  /** `set` by somebody, as the `pod` says, or unknown. */
  source: z.enum(['set', 'pod', 'unknown']),
});
export type MachinePrice = z.infer<typeof machinePrice>;

export const costs = z.strictObject({
  since: timestamp,
  until: timestamp,
  price: machinePrice,
  /** Hours that the machine ran in that time, and how many of them have a price. */
  hours: z.number(),
  pricedHours: z.number(),
  total: z.number(),
  /** Share of the total that went to jobs. The rest is the price of being there. */
  attributed: z.number(),
  unattributed: z.number(),
  /** Dearest first; at most 200. Null: the work of other organisations, in one. */
  items: z.array(
    z.strictObject({ key: z.string().nullable(), name: z.string(), cost: z.number(), gpuHours: z.number(), slotHours: z.number(), jobs: z.int() }),
  ),
  /** How a share is made. */
  formula: z.string(),
});
export type Costs = z.infer<typeof costs>;

const tag = 'costs';

export const costEndpoints = [
  endpoint({
    key: 'GET /api/v1/costs',
    tag,
    summary: 'What the machine cost, by job, workflow or organisation',
    query: z.strictObject({ groupBy: z.enum(costGroups).default('workflow'), since: timestamp.optional(), until: timestamp.optional() }),
    status: 200,
    reply: costs,
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'PUT /api/v1/costs/price',
    tag,
    summary: "Set the machine's price per hour; null: as its pod says",
    description: 'It counts from now on: what was spent before keeps the price of its time.',
    body: z.strictObject({ price: price.nullable() }),
    status: 200,
    reply: machinePrice,
    errors: ['invalid_body'],
  }),
] as const;
