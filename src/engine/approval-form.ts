/** What an approver filled in, checked against the schema that the waiting step keeps, before the decision reaches it. */
import type { Json } from '../contract/endpoint.ts';
import { fail } from '../kernel/fail.ts';
import type { LiveStep } from './frame.ts';
import { requireInputs, type InputChecker } from './input-schema.ts';

/** Decisions are kept in the step's row, and shown with it. */
const MAX_FORM_BYTES = 64 * 1024;

/** @throws AppError invalid_body, naming each field that does not fit; too_large */
export async function requireForm(checker: InputChecker, step: LiveStep | undefined, form: Json | undefined): Promise<void> {
  if (step?.status !== 'waiting' || step.wait?.kind !== 'approval') return;
  const bytes = form === undefined ? 0 : Buffer.byteLength(JSON.stringify(form));
  if (bytes > MAX_FORM_BYTES)
    fail('too_large', `the form has ${bytes} bytes, the limit is ${MAX_FORM_BYTES}; put what is larger into a file and give its path`);
  const schema = schemaOf(step.wait.state ?? null);
  if (schema !== undefined) await requireInputs(checker, schema, [form ?? {}], { what: 'the form does not fit its schema', name: 'form' });
}

function schemaOf(state: Json): Record<string, Json> | undefined {
  const form = objectOf(objectOf(state)?.['shown'])?.['form'];
  return objectOf(form);
}

function objectOf(value: Json | undefined): Record<string, Json> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
