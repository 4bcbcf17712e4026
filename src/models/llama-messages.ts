/** A conversation as the API of OpenAI writes it, in the words of node-llama-cpp: results of tools stand with their calls there. Pure. */
import type { ChatHistoryItem, ChatModelFunctionCall, ChatModelFunctions, ChatModelResponse } from 'node-llama-cpp';
import type { Json } from '../contract/endpoint.ts';
import type { ChatCall } from './engine.ts';
import { Refused } from './llama-refusal.ts';
import { toGrammarSchema } from './llama-schema.ts';

type Message = ChatCall['messages'][number];

interface OpenCall {
  readonly id: string;
  readonly call: ChatModelFunctionCall;
}

/** The history that the model goes on with: it ends with an empty answer. @throws Refused naming the message that can't be said to a model of text */
export function toHistory(messages: readonly Message[]): ChatHistoryItem[] {
  const history: ChatHistoryItem[] = [];
  let open: OpenCall[] = [];
  for (const [index, message] of messages.entries()) {
    const at = `messages[${index}]`;
    const text = textOf(message.content, at);
    if (message.role === 'system' || message.role === 'developer') history.push({ type: 'system', text });
    else if (message.role === 'user') history.push({ type: 'user', text });
    else if (message.role === 'assistant') {
      const calls = callsOf(message, at);
      open = calls;
      answerAt(history).response.push(...(text === '' ? [] : [text]), ...calls.map(({ call }) => call));
    } else if (message.role === 'tool') takeResult(open, message, { text, at });
    else throw new Refused(`${at}.role is ${JSON.stringify(message.role)}: it has to be system, developer, user, assistant or tool`);
  }
  const last = history.at(-1);
  const endsWithResult = last?.type === 'model' && typeof last.response.at(-1) === 'object';
  // After a tool's result the same answer goes on; else the model has the word anew.
  if (!endsWithResult) history.push({ type: 'model', response: [] });
  return history;
}

/** The last item when it is an answer that calls tools: what follows belongs to it. Else a new one. */
function answerAt(history: ChatHistoryItem[]): ChatModelResponse {
  const last = history.at(-1);
  if (last?.type === 'model' && typeof last.response.at(-1) === 'object') return last;
  const answer: ChatModelResponse = { type: 'model', response: [] };
  history.push(answer);
  return answer;
}

function textOf(content: Json | undefined, at: string): string {
  if (typeof content === 'string') return content;
  if (content === null || content === undefined) return '';
  if (!Array.isArray(content)) throw new Refused(`${at}.content is neither text nor a list of parts`);
  return content
    .map((part, index) => {
      const type = isObject(part) ? part['type'] : undefined;
      if (isObject(part) && typeof part['text'] === 'string' && (type === 'text' || type === 'input_text' || type === undefined)) return part['text'];
      throw new Refused(`${at}.content[${index}] is of type ${JSON.stringify(type ?? null)}: this model reads text alone`);
    })
    .join('');
}

function callsOf(message: Message, at: string): OpenCall[] {
  const calls = message['tool_calls'];
  if (!Array.isArray(calls)) return [];
  return calls.map((entry, index) => {
    const told = isObject(entry) && isObject(entry['function']) ? entry['function'] : undefined;
    if (typeof told?.['name'] !== 'string') throw new Refused(`${at}.tool_calls[${index}] names no function`);
    const id = isObject(entry) && typeof entry['id'] === 'string' ? entry['id'] : '';
    const call: ChatModelFunctionCall = {
      type: 'functionCall',
      name: told['name'],
      params: parsed(told['arguments']),
      result: undefined,
      startsNewChunk: index === 0,
    };
    return { id, call };
  });
}

function takeResult(open: readonly OpenCall[], message: Message, { text, at }: { readonly text: string; readonly at: string }): void {
  const id = message['tool_call_id'];
  const named = open.find((entry) => entry.id === id) ?? (id === undefined ? open.find(({ call }) => call.result === undefined) : undefined);
  if (named === undefined) throw new Refused(`${at}.tool_call_id is ${JSON.stringify(id ?? null)}: no call of the answer before has that id`);
  named.call.result = parsed(text);
}

/** JSON where it is, else the text as it stands. */
function parsed(value: Json | undefined): Json {
  if (typeof value !== 'string') return value ?? {};
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

/** The functions that a call offers. @throws Refused */
export function toFunctions(tools: Json | undefined): ChatModelFunctions | undefined {
  if (tools === undefined || tools === null) return undefined;
  if (!Array.isArray(tools)) throw new Refused('tools is no list');
  const entries = tools.map((tool, index) => {
    const told = isObject(tool) && isObject(tool['function']) ? tool['function'] : undefined;
    if (typeof told?.['name'] !== 'string') throw new Refused(`tools[${index}] is no function with a name`);
    const description = typeof told['description'] === 'string' ? { description: told['description'] } : {};
    const { parameters } = told;
    const params = isObject(parameters) ? { params: toGrammarSchema({ type: 'object', ...parameters }, `tools[${index}].function.parameters`) } : {};
    return [told['name'], { ...description, ...params }] as const;
  });
  return entries.length === 0 ? undefined : (Object.fromEntries(entries) as ChatModelFunctions);
}

export function isObject(value: Json | undefined): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
