/** Forms: a page that starts a workflow. Its fields are the workflow's input schema. Public ones are reached by their token alone. */
import * as z from 'zod';
import { endpoint, json } from './endpoint.ts';

const idAndKey = z.strictObject({ id: z.string().max(64), key: z.string().max(64) });
const token = z.strictObject({ token: z.string().max(64) });

const formView = z.strictObject({
  title: z.string(),
  description: z.string(),
  submitLabel: z.string(),
  /** JSON Schema of the input; absent: it takes none. */
  schema: z.record(z.string(), json).optional(),
});
export type FormView = z.infer<typeof formView>;

const submission = z.strictObject({ input: z.record(z.string(), json).default({}) });
const accepted = z.strictObject({ instanceId: z.string() });

export const formEndpoints = [
  endpoint({
    key: 'GET /api/v1/workflows/{id}/forms/{key}',
    tag: 'forms',
    summary: 'Read the form of a trigger',
    params: idAndKey,
    status: 200,
    reply: formView,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/workflows/{id}/forms/{key}',
    tag: 'forms',
    summary: 'Submit the form of a trigger: starts an instance',
    params: idAndKey,
    body: submission,
    status: 202,
    reply: accepted,
    errors: ['invalid_body', 'not_found', 'conflict'],
  }),
  endpoint({
    key: 'GET /api/v1/forms/{token}',
    tag: 'forms',
    summary: 'Read a public form',
    params: token,
    status: 200,
    reply: formView,
    errors: ['not_found'],
  }),
  endpoint({
    key: 'POST /api/v1/forms/{token}',
    tag: 'forms',
    summary: 'Submit a public form: starts an instance',
    description: 'Nobody has to be signed in. At most 256 KiB; limited for each address and in all. Copies with one Idempotency-Key start one instance.',
    params: token,
    body: submission,
    status: 202,
    reply: accepted,
    errors: ['invalid_body', 'not_found', 'conflict', 'too_large', 'rate_limited'],
  }),
] as const;
