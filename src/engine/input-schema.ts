/** The JSON Schema of a workflow's input: whether it can be used, and whether inputs fit. A schema is a caller's program: its patterns and
 *  alternatives can take for ever, so what is more than a plain description is judged in the expression child, which is killed at a limit. */
import * as z from 'zod';
import type { Json } from '../contract/endpoint.ts';
import { fail } from '../kernel/fail.ts';
import { NodeError } from '../nodes/kit.ts';
import { pathText } from './path-text.ts';

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

/** The first of several inputs that does not fit, and why. */
export interface InputFault {
  readonly index: number;
  readonly faults: readonly { readonly path: string; readonly message: string }[];
}

/** Judges elsewhere, under a limit. @throws NodeError expression_limit, expression_unavailable */
export interface InputChecker {
  checkInputs(schema: string, inputs: string): Promise<InputFault | null>;
}

/** Why a schema can't be used; undefined when it can. */
export function inputSchemaFault(schema: Record<string, Json>): string | undefined {
  try {
    z.fromJSONSchema(schema as JsonSchema);
    return undefined;
  } catch (error) {
    return `the input schema can't be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What is checked, in words; `name` begins the paths of its faults. */
interface Checked {
  readonly what: string;
  readonly name: string;
}

const THE_INPUT: Checked = { what: "the input does not fit the workflow's schema", name: 'input' };

/** @throws AppError invalid_body, naming each field that does not fit */
export async function requireInputs(
  checker: InputChecker,
  schema: Record<string, Json> | undefined,
  inputs: readonly Json[],
  { what, name }: Checked = THE_INPUT,
): Promise<void> {
  if (schema === undefined) return;
  const found = isPlain(schema) ? findInputFault(schema, inputs) : await checkElsewhere(checker, schema, inputs);
  if (found === null) return;
  const faults = found.faults.map((fault) => ({ ...fault, path: fault.path.replace(/^input/, name) }));
  fail('invalid_body', {
    message: `${what}: ${faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ')}`.slice(0, 2_000),
    details: { faults, ...(inputs.length > 1 ? { input: found.index } : {}) },
  });
}

/** Where `value` does not fit. @throws NodeError schema_failed when the schema can't be used, or judging takes too long */
export async function valueFaults(checker: InputChecker, schema: Readonly<Record<string, Json>>, value: Json): Promise<InputFault['faults']> {
  try {
    const found = isPlain(schema) ? findInputFault(schema, [value]) : await checker.checkInputs(JSON.stringify(schema), JSON.stringify([value]));
    return (found?.faults ?? []).map((fault) => ({ ...fault, path: fault.path.replace(/^input/, 'value') }));
  } catch (error) {
    const final = !(error instanceof NodeError && error.code === 'expression_unavailable');
    throw new NodeError('schema_failed', `the schema can't be used: ${error instanceof Error ? error.message : String(error)}`, { final, cause: error });
  }
}

/** In this process and without a limit. Makes no Error: the child's intrinsics are frozen. */
export function findInputFault(schema: Record<string, Json>, inputs: readonly Json[]): InputFault | null {
  const type = z.fromJSONSchema(schema as JsonSchema);
  for (const [index, value] of inputs.entries()) {
    const result = type._zod.run({ value, issues: [] }, { async: false });
    if (result instanceof Promise) throw new TypeError('a schema of data waits for nothing');
    if (result.issues.length === 0) continue;
    const issues = result.issues.slice(0, MAX_FAULTS).map((issue) => z.core.util.finalizeIssue(issue, undefined, z.core.config()));
    return { index, faults: issues.map((issue) => ({ path: pathText(['input', ...issue.path]), message: issue.message })) };
  }
  return null;
}

const MAX_FAULTS = 50;

/** Words whose cost is not bounded by the size of the input. */
const COSTLY = new Set(['pattern', 'patternProperties', 'propertyNames', '$ref', 'anyOf', 'oneOf', 'allOf', 'not', 'if', 'uniqueItems']);

function isPlain(schema: Json): boolean {
  if (typeof schema !== 'object' || schema === null) return true;
  if (Array.isArray(schema)) return schema.every(isPlain);
  return Object.entries(schema).every(([key, value]) => !COSTLY.has(key) && isPlain(value));
}

async function checkElsewhere(checker: InputChecker, schema: Record<string, Json>, inputs: readonly Json[]): Promise<InputFault | null> {
  try {
    return await checker.checkInputs(JSON.stringify(schema), JSON.stringify(inputs));
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    if (error.code === 'expression_unavailable') fail('starting', { message: error.message, retryAfterS: 1, cause: error });
    return fail('invalid_body', { message: `the input can't be checked against the workflow's schema: ${error.message}`, cause: error });
  }
}
