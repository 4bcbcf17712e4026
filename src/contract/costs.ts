/** What this machine costs, and whose work it was spent on. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';

/** By job or workflow: models and services each stand for themselves beside them. By kind: jobs, models, services. */
export const costGroups = ['job', 'workflow', 'org', 'kind'] as const;
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
  /** Part of the total that went to jobs, models and services; of it, what models and services held while nobody used them. */
  attributed: z.number(),
  idle: z.number(),
  /** The price of being there: nobody held it. */
  unattributed: z.number(),
  /** Dearest first; at most 200. Null: the work of other organisations, in one. */
  items: z.array(
    z.strictObject({
      key: z.string().nullable(),
      kind: z.enum(['job', 'workflow', 'org', 'model', 'service']),
      name: z.string(),
      cost: z.number(),
      /** Of the cost, what was held while nobody used it. */
      idleCost: z.number(),
      /** Of the total, 0 to 1. */
      share: z.number(),
      gpuHours: z.number(),
      slotHours: z.number(),
      jobs: z.int(),
    }),
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
    summary: 'What the machine cost: by job or workflow, with models and services, by organisation, or by kind',
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
