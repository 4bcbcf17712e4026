/** The JSON Schema of a workflow's input: whether it can be used, and whether an input fits. Pure. */
import * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import { fail } from '../kernel/fail.ts';
import { pathText } from './path-text.ts';

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

/** Why a schema can't be used; undefined when it can. */
export function inputSchemaFault(schema: Record<string, Json>): string | undefined {
  try {
    z.fromJSONSchema(schema as JsonSchema);
    return undefined;
  } catch (error) {
    return `the input schema can't be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** @throws AppError invalid_body, naming each field that does not fit */
export function requireInput(schema: Record<string, Json> | undefined, input: Json): void {
  if (schema === undefined) return;
  const parsed = z.fromJSONSchema(schema as JsonSchema).safeParse(input);
  if (parsed.success) return;
  const faults = parsed.error.issues.map((issue) => ({ path: pathText(['input', ...issue.path]), message: issue.message }));
  fail('invalid_body', {
    message: `the input does not fit the workflow's schema: ${faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}`.slice(0, 2_000),
    details: { faults },
  });
}
