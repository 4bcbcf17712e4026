/** Tools of a conversation: what the model is told of them, and how a call of one runs in the sandbox. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { asField, NodeError, type NodeContext } from '../kit.ts';
import type { ModelAnswer } from '../kit-ports.ts';

const MEMORY_BYTES = 128 * 1024 * 1024;
const TIMEOUT_MS = 30_000;
/** What a model is told of one call; more would drown the rest of the conversation. */
const MAX_RESULT_CHARS = 100_000;

export const toolSchema = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'a tool is named by 1 to 64 of letters, digits, "_" and "-"'),
  description: z.string().max(10_000).optional(),
  parameters: z
    .record(z.string(), z.json())
    .optional()
    .describe('JSON Schema of its arguments')
    .meta(asField({ control: 'schema' })),
  source: z
    .string()
    .min(1)
    .max(262_144)
    .optional()
    .describe('A function body in JavaScript: `args` are the arguments, return gives the result')
    .meta(asField({ control: 'code', language: 'javascript' })),
});
export type Tool = z.infer<typeof toolSchema>;

/** As the API lists them. */
export function toolList(tools: readonly Tool[]): Json {
  return tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, ...(description === undefined ? {} : { description }), parameters: parameters ?? { type: 'object', properties: {} } },
  }));
}

/** The text that the model is told. What it got wrong it is told, too: it may do better. @throws what is no fault of the model or the tool */
export async function runTool(tools: readonly Tool[], call: ModelAnswer['toolCalls'][number], context: NodeContext): Promise<string> {
  const { name, arguments: text } = call.function;
  const tool = tools.find((one) => one.name === name);
  if (tool?.source === undefined) return refusal(`there is no tool "${name}"; there are ${tools.map((one) => one.name).join(', ')}`);
  const args = parse(text);
  if (args === undefined) return refusal(`the arguments are not JSON: ${text.slice(0, 200)}`);
  const faults = tool.parameters === undefined ? [] : await context.faultsOf(tool.parameters, args);
  if (faults.length > 0) return refusal(faults.map(({ path, message }) => `${path.replace(/^value/, 'args')}: ${message}`).join('; '));
  context.log(`tool ${name}(${text.slice(0, 500)})`);
  try {
    const result = await context.sandbox.run({
      source: tool.source,
      globals: { args },
      timeoutMs: TIMEOUT_MS,
      memoryBytes: MEMORY_BYTES,
      signal: context.signal,
      onLog: (line) => context.log(line),
    });
    const told = typeof result === 'string' ? result : JSON.stringify(result);
    return told.length > MAX_RESULT_CHARS ? `${told.slice(0, MAX_RESULT_CHARS)}… (${told.length - MAX_RESULT_CHARS} more characters)` : told;
  } catch (error) {
    if (!(error instanceof NodeError) || context.signal.aborted) throw error;
    context.log(`tool ${name} failed: ${error.message}`);
    return refusal(error.message);
  }
}

function refusal(error: string): string {
  return JSON.stringify({ error });
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text === '' ? '{}' : text) as Json;
  } catch {
    // The model wrote it: it is told so.
    return undefined;
  }
}
