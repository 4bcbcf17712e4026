/** The gateway `/v1`: bodies and replies of the OpenAI API, as far as engines know them; other fields are handed to engines that do.
 *  One thing to know: errors here have OpenAI's shape, with the code of contract/error.ts in `code`. */
import * as z from 'zod';
import { endpoint, json } from './endpoint.ts';

/** Images travel in the body, as data URLs. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
const MAX_CHOICES = 16;

const modelId = z.string().min(1).max(200);
const int = (min: number, max: number) => z.int().min(min).max(max).nullish();
const number = (min: number, max: number) => z.number().min(min).max(max).nullish();

/** Text, an image, audio, a file …: engines say which they know. */
const part = z.looseObject({ type: z.string().min(1).max(64) });
const content = z.union([z.string(), z.array(part).min(1).max(1_000)], { error: 'content is a text or a list of parts, each with a type' });

const toolCall = z.looseObject({
  id: z.string().max(256),
  type: z.string().max(64),
  function: z.looseObject({ name: z.string().max(256), arguments: z.string() }).optional(),
});
const chatMessage = z
  .looseObject({
    role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
    content: content.nullish(),
    tool_calls: z.array(toolCall).max(256).nullish(),
    tool_call_id: z.string().max(256).optional(),
  })
  .superRefine((message, context) => {
    const isBare = message.content === undefined || message.content === null;
    if (message.role === 'tool' && message.tool_call_id === undefined)
      context.addIssue({ code: 'custom', path: ['tool_call_id'], message: 'a message of role tool names the call it answers' });
    if (isBare && message.role !== 'assistant')
      context.addIssue({ code: 'custom', path: ['content'], message: `a message of role ${message.role} needs content` });
    if (
      isBare &&
      message.role === 'assistant' &&
      (message.tool_calls ?? []).length === 0 &&
      message['function_call'] === undefined &&
      message['refusal'] === undefined
    )
      context.addIssue({ code: 'custom', path: ['content'], message: 'a message of role assistant needs content or tool_calls' });
  });

const tool = z.looseObject({
  type: z.string().max(64),
  function: z
    .looseObject({
      name: z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, 'a function is named by 1 to 64 of letters, digits, ".", "_" and "-"'),
      description: z.string().nullish(),
      parameters: z.record(z.string(), json).nullish(),
    })
    .optional(),
});

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({ name: z.string().min(1).max(64), schema: z.record(z.string(), json).optional() }),
  }),
]);

const stop = z.union([z.string(), z.array(z.string()).max(16)]).nullish();

const sampling = {
  model: modelId,
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: int(1, 16_777_216),
  temperature: number(0, 2),
  top_p: number(0, 1),
  top_k: int(-1, 1_000_000),
  n: int(1, MAX_CHOICES),
  seed: int(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  stop,
  frequency_penalty: number(-2, 2),
  presence_penalty: number(-2, 2),
};

export const chatRequest = z.looseObject({
  ...sampling,
  messages: z.array(chatMessage).min(1).max(10_000),
  max_completion_tokens: int(1, 16_777_216),
  logprobs: z.boolean().nullish(),
  top_logprobs: int(0, 20),
  tools: z.array(tool).max(256).nullish(),
  tool_choice: z.union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.string() })]).nullish(),
  response_format: responseFormat.nullish(),
});
export type ChatRequest = z.infer<typeof chatRequest>;

const oneFalse = z.literal(false).nullish();

export const textRequest = z.looseObject({
  ...sampling,
  prompt: z.union([z.string(), z.array(z.string()).min(1).max(128)], {
    error: 'prompt is a text or up to 128 texts; lists of tokens are not taken, they differ from model to model',
  }),
  logprobs: int(0, 20),
  echo: oneFalse,
  best_of: z.literal(1).nullish(),
  suffix: z.literal('').nullish(),
});
export type TextRequest = z.infer<typeof textRequest>;

export const embeddingRequest = z.looseObject({
  model: modelId,
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(2_048)], {
    error: 'input is a text or up to 2048 texts, none of them empty; lists of tokens are not taken, they differ from model to model',
  }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: int(1, 65_536),
});
export type EmbeddingRequest = z.infer<typeof embeddingRequest>;

const listed = z.strictObject({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string(), max_model_len: z.int().optional() });
const usage = z.strictObject({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int() });
const finish = z.enum(['stop', 'length', 'tool_calls', 'content_filter']);

export const chatReply = z.strictObject({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.strictObject({
      index: z.int(),
      message: z.strictObject({
        role: z.literal('assistant'),
        content: z.string().nullable(),
        refusal: z.null(),
        reasoning_content: z.string().optional(),
        tool_calls: json.optional(),
      }),
      logprobs: json.nullable(),
      finish_reason: finish,
    }),
  ),
  usage,
});
export type ChatReply = z.infer<typeof chatReply>;

export const textReply = z.strictObject({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(z.strictObject({ index: z.int(), text: z.string(), logprobs: json.nullable(), finish_reason: finish })),
  usage,
});
export type TextReply = z.infer<typeof textReply>;

/** An error of `/v1`. */
export const gatewayError = z.strictObject({
  error: z.strictObject({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() }),
});

const streamed =
  'With `stream`, server-sent events: chunks, then `[DONE]`; comments (`: …`) while a model loads, and every 15 s. An error in the middle is an event `{ error }`.';

export const gatewayEndpoints = [
  endpoint({
    key: 'GET /v1/models',
    tag: 'gateway',
    summary: 'Models that can be asked, as OpenAI lists them',
    status: 200,
    reply: z.strictObject({ object: z.literal('list'), data: z.array(listed) }),
  }),
  endpoint({
    key: 'GET /v1/models/{id+}',
    tag: 'gateway',
    summary: 'One of them',
    params: z.strictObject({ id: z.string().max(200) }),
    status: 200,
    reply: listed,
    errors: ['model_not_found'],
  }),
  endpoint({
    key: 'POST /v1/chat/completions',
    tag: 'gateway',
    summary: 'Ask a model',
    description: streamed,
    body: chatRequest,
    maxBodyBytes: MAX_BODY_BYTES,
    status: 200,
    reply: chatReply,
    errors: ['model_not_found', 'unsatisfiable', 'upstream_failed'],
    streams: true,
  }),
  endpoint({
    key: 'POST /v1/completions',
    tag: 'gateway',
    summary: 'Let a model go on with a text',
    description: streamed,
    body: textRequest,
    maxBodyBytes: MAX_BODY_BYTES,
    status: 200,
    reply: textReply,
    errors: ['model_not_found', 'unsatisfiable', 'upstream_failed'],
    streams: true,
  }),
  endpoint({
    key: 'POST /v1/embeddings',
    tag: 'gateway',
    summary: 'Vectors of texts',
    body: embeddingRequest,
    maxBodyBytes: MAX_BODY_BYTES,
    status: 200,
    reply: z.strictObject({
      object: z.literal('list'),
      model: z.string(),
      data: z.array(z.strictObject({ object: z.literal('embedding'), index: z.int(), embedding: z.union([z.array(z.number()), z.string()]) })),
      usage: usage.omit({ completion_tokens: true }),
    }),
    errors: ['model_not_found', 'unsatisfiable', 'upstream_failed'],
    streams: true,
  }),
] as const;
