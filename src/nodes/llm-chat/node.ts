/** llm.chat: asks a model, with tools that run in the sandbox and answers that fit a schema. Never knows where the model runs. */
import * as z from 'zod';
import type { Json } from '../../contract/endpoint.ts';
import { asField, defineNode, inPort, NodeError, outPort, type NodeContext } from '../kit.ts';
import type { ModelAnswer } from '../kit-ports.ts';
import { answerIn } from './answer.ts';
import { createVoice } from './voice.ts';
import { runTool, toolList, toolSchema } from './tools.ts';

const part = z.looseObject({ type: z.string().min(1).max(64) });
const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.array(part), z.null()]).optional(),
});

const params = z.strictObject({
  model: z
    .string()
    .min(1)
    .max(200)
    .describe('As GET /v1/models names it')
    .meta(asField({ control: 'model' })),
  prompt: z
    .string()
    .optional()
    .describe('What the model is asked; or write messages')
    .meta(asField({ control: 'long' })),
  system: z
    .string()
    .optional()
    .describe('How it should answer')
    .meta(asField({ control: 'long' })),
  messages: z
    .array(message)
    .min(1)
    .max(1_000)
    .optional()
    .describe('A whole conversation, as OpenAI writes it')
    .meta(asField({ rare: true })),
  schema: z
    .record(z.string(), z.json())
    .optional()
    .describe('JSON Schema that the answer has to fit')
    .meta(asField({ control: 'schema', rare: true })),
  repairs: z
    .int()
    .min(0)
    .max(5)
    .default(2)
    .describe('How often the model may correct an answer that does not fit')
    .meta(asField({ rare: true })),
  tools: z
    .array(toolSchema)
    .min(1)
    .max(64)
    .optional()
    .meta(asField({ raw: true, rare: true })),
  toolChoice: z.enum(['auto', 'none', 'required']).optional(),
  maxRounds: z
    .int()
    .min(1)
    .max(50)
    .default(8)
    .describe('How often the model may call tools before it has to have answered')
    .meta(asField({ rare: true })),
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().min(0).max(1).optional(),
  maxTokens: z.int().min(1).max(16_777_216).optional(),
  seed: z.int().optional(),
  stop: z.array(z.string().min(1)).min(1).max(16).optional(),
});
type Params = z.infer<typeof params>;
type Message = Parameters<NodeContext['models']['chat']>[0]['messages'][number];

export const llmChat = defineNode({
  type: 'llm.chat',
  version: 1,
  title: 'Ask a model',
  summary: 'Asks a language model, on this machine or elsewhere, and hands on what it answers.',
  category: 'machine',
  inputs: inPort,
  outputs: outPort,
  params,
  rawParams: ['tools'],
  timeoutMs: 30 * 60_000,
  example: {
    model: 'qwen3-8b',
    system: 'Answer in one sentence.',
    prompt: 'What is this about?\n\n{{ steps.read.output.content }}',
    temperature: 0,
  },
  docs: `Output: \`{ text, json?, toolCalls?, usage: { promptTokens, completionTokens }, model, finish }\`. Write \`prompt\` (and \`system\`), or \`messages\`. The models are those of \`GET /v1/models\`: on this machine, other names, or a provider's as \`provider/model\`. One that is not loaded is loaded; the step says what it waits for.

With \`schema\` the answer is JSON that fits it: engines that can are held to it, and what does not fit goes back to the model with the faults, \`repairs\` times. \`json\` is the value.

A tool has \`name\`, \`description\`, \`parameters\` (JSON Schema) and \`source\`: a JavaScript function body with \`args\` in scope, run in the sandbox, whose \`return\` the model is told; what it throws, too. Without a \`source\` the step ends when the model calls it, and \`toolCalls\` has the calls. Expressions are not evaluated inside \`tools\`.

What the model says is shown as it comes. A cache policy keeps the answer of the same params; with \`seed\` and temperature 0 most engines repeat themselves.

Errors: \`model_not_found\`, \`invalid_body\`, \`unsatisfiable\` (more memory than there is), \`too_large\`: final. \`model_unavailable\`, \`upstream_failed\`, \`rate_limited\` (of a provider; limits of Studio are waited for). \`answer_invalid\`: no answer fitted the schema. \`answer_cut\`: it was longer than maxTokens or the context before it was whole JSON. \`answer_refused\`: the provider filtered it. \`too_many_rounds\`: still calling tools after maxRounds. \`schema_failed\`: final.`,
  check: (node) => {
    const { prompt, messages, system } = node.params ?? {};
    if ((prompt === undefined) === (messages === undefined))
      return [{ path: 'params.prompt', code: 'invalid_params', message: 'write prompt, or messages, and not both' }];
    if (messages !== undefined && system !== undefined)
      return [{ path: 'params.system', code: 'invalid_params', message: 'with messages, write the system text as their first one' }];
    return [];
  },
  runs: 'inline',
  pure: false,
  run: (values, context) => converse(values, context),
});

async function converse(values: Params, context: NodeContext): Promise<{ readonly kind: 'output'; readonly output: Json }> {
  const messages = startOf(values);
  const voice = createVoice(context, values.maxTokens);
  const usage = { promptTokens: 0, completionTokens: 0 };
  let rounds = 0;
  let repairsLeft = values.repairs;
  for (;;) {
    // Serial by nature: each turn answers the one before.
    const answer = await context.models.chat(callOf(values, messages), voice.told);
    voice.endTurn();
    usage.promptTokens += answer.promptTokens;
    usage.completionTokens += answer.completionTokens;
    if (answer.finish === 'content_filter') throw new NodeError('answer_refused', `"${values.model}" or its provider filtered the answer`, { final: true });
    if (answer.toolCalls.length > 0) {
      if (!canRunAll(values, answer)) return outputOf(values, answer, usage);
      rounds += 1;
      if (rounds > values.maxRounds)
        throw new NodeError(
          'too_many_rounds',
          `"${values.model}" still calls tools after ${values.maxRounds} rounds; raise maxRounds, or say in system when to stop`,
        );
      messages.push({ role: 'assistant', content: answer.text === '' ? null : answer.text, tool_calls: answer.toolCalls as unknown as Json });
      // One after the other: their lines in the log keep their order.
      for (const call of answer.toolCalls) messages.push({ role: 'tool', tool_call_id: call.id, content: await runTool(values.tools ?? [], call, context) });
      continue;
    }
    if (values.schema === undefined) return outputOf(values, answer, usage);
    const found = await answerIn(answer.text, values.schema, context);
    if (found.kind === 'fits') return outputOf(values, answer, usage, found.value);
    if (answer.finish === 'length')
      throw new NodeError(
        'answer_cut',
        `the answer of "${values.model}" was cut after ${answer.completionTokens} tokens, before its JSON was whole; raise maxTokens`,
      );
    if (repairsLeft === 0)
      throw new NodeError('answer_invalid', `"${values.model}" did not give JSON that fits the schema in ${values.repairs + 1} tries; the last: ${found.why}`, {
        details: { text: answer.text.slice(0, 10_000) },
      });
    repairsLeft -= 1;
    context.log(`the answer does not fit the schema (${found.why}); the model is asked to correct it`);
    messages.push(
      { role: 'assistant', content: answer.text },
      { role: 'user', content: `That does not fit the schema: ${found.why}. Answer again, with the corrected JSON and nothing else.` },
    );
  }
}

function startOf({ messages, prompt, system }: Params): Message[] {
  if (messages !== undefined) return messages.map((one) => ({ ...(one as unknown as Message), content: (one.content ?? null) as Json }));
  if (prompt === undefined) throw new NodeError('invalid_body', 'there is nothing to ask: write prompt, or messages', { final: true });
  return [...(system === undefined ? [] : [{ role: 'system', content: system }]), { role: 'user', content: prompt }];
}

function callOf(values: Params, messages: readonly Message[]): Parameters<NodeContext['models']['chat']>[0] {
  const { model, schema, tools, toolChoice, maxTokens, temperature, topP, seed, stop } = values;
  return {
    model,
    messages: [...messages],
    tools: tools === undefined ? undefined : toolList(tools),
    toolChoice,
    responseFormat: schema === undefined ? undefined : { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
    sampling: { maxTokens, temperature, topP, seed, stop },
  };
}

function canRunAll({ tools = [] }: Params, { toolCalls }: ModelAnswer): boolean {
  return toolCalls.every(
    (call) => tools.find(({ name }) => name === call.function.name)?.source !== undefined || !tools.some(({ name }) => name === call.function.name),
  );
}

function outputOf(
  { model }: Params,
  answer: ModelAnswer,
  usage: { promptTokens: number; completionTokens: number },
  json?: Json,
): { readonly kind: 'output'; readonly output: Json } {
  const { text, toolCalls, finish } = answer;
  return {
    kind: 'output',
    output: {
      text,
      ...(json === undefined ? {} : { json }),
      ...(toolCalls.length === 0 ? {} : { toolCalls: toolCalls as unknown as Json }),
      usage: { ...usage },
      model,
      finish,
    },
  };
}
