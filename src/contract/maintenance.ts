/** Maintenance of the machine: people are warned, or kept out while something is mended. Work that runs goes on. */
import * as z from 'zod';
import { endpoint, timestamp } from './endpoint.ts';
import { maintenanceModes } from './values.ts';

export const maintenance = z.strictObject({
  /** `warned`: a line above every page. `on`: calls of all but super administrators are answered with 503. */
  mode: z.enum(maintenanceModes),
  /** What people read; null when off, or when nobody wrote one. */
  message: z.string().nullable(),
  since: timestamp.nullable(),
});
export type Maintenance = z.infer<typeof maintenance>;

const tag = 'machine';

export const maintenanceEndpoints = [
  endpoint({
    key: 'GET /api/v1/system/maintenance',
    tag,
    summary: 'Whether the machine is under maintenance',
    description: 'What anybody is told. With a challenge also which Studio answers: a domain is verified with it, as this Studio alone can make that answer.',
    query: z.strictObject({
      challenge: z
        .string()
        .regex(/^[0-9a-f]{64}$/, '64 hex digits')
        .optional(),
    }),
    status: 200,
    reply: maintenance.extend({ identity: z.strictObject({ proof: z.string(), isTunnelled: z.boolean() }).optional() }),
    errors: ['invalid_query'],
  }),
  endpoint({
    key: 'PUT /api/v1/system/maintenance',
    tag,
    summary: 'Warn people, keep them out, or let them in again',
    description: 'While it is on, webhooks, forms and calls of all but super administrators get 503 `maintenance`. Triggers, instances and jobs go on.',
    body: z.strictObject({ mode: z.enum(maintenanceModes), message: z.string().trim().max(500).nullable().default(null) }),
    status: 200,
    reply: maintenance,
    errors: ['invalid_body'],
  }),
] as const;
