/** Chat with a llama model: its own template, thoughts apart from the answer, tools by its own way of calling them. What needs each token's
 *  probabilities, or has to call a tool, is generated token by token instead. Runs in the llama child. */
import { randomUUID } from 'node:crypto';
import { LlamaChat, type ChatModelFunctions, type ChatWrapper, type Llama, type LlamaGrammar, type LlamaModel } from 'node-llama-cpp';
import type { Json } from '../contract/endpoint.ts';
import type { ChatCall, Piece, Usage } from './engine.ts';
import { generate, roomAfter } from './llama-generate.ts';
import { isObject, toFunctions, toHistory } from './llama-messages.ts';
import { Refused } from './llama-refusal.ts';
import { pickingOf, PENALTY_TOKENS } from './llama-sampling.ts';
import { toGrammarSchema } from './llama-schema.ts';
import type { SequencePool } from './llama-sequences.ts';

export interface Chatting {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly wrapper: ChatWrapper;
  readonly pool: SequencePool;
  grammarOf(schema: Json | 'json', at: string): Promise<LlamaGrammar>;
}

interface Turn {
  readonly call: ChatCall;
  readonly history: ReturnType<typeof toHistory>;
  readonly functions: ChatModelFunctions | undefined;
  readonly signal: AbortSignal;
  say(piece: Piece): void;
}

/** @throws Refused; the signal's reason */
export async function chat(parts: Chatting, call: ChatCall, { signal, say }: Pick<Turn, 'signal' | 'say'>): Promise<Usage> {
  const history = toHistory(call.messages);
  const choice = choiceOf(call.toolChoice);
  const functions = choice === 'none' ? undefined : only(toFunctions(call.tools), choice);
  const turn: Turn = { call, history, functions, signal, say };
  const schema = schemaOf(call.responseFormat);
  if (schema !== undefined && functions !== undefined) throw new Refused('tools and a response_format at once are more than this engine can hold a model to');
  if (functions !== undefined && choice !== 'auto') return mustCall(parts, turn, functions);
  const grammar = schema === undefined ? undefined : await parts.grammarOf(schema, 'response_format.json_schema.schema');
  return call.sampling.logprobs === undefined ? answer(parts, turn, grammar) : answerByToken(parts, turn, grammar);
}

type Choice = 'auto' | 'none' | 'required' | { readonly name: string };

function choiceOf(choice: Json | undefined): Choice {
  if (choice === undefined || choice === null || choice === 'auto') return 'auto';
  if (choice === 'none' || choice === 'required') return choice;
  const name = isObject(choice) && isObject(choice['function']) ? choice['function']['name'] : undefined;
  if (typeof name !== 'string') throw new Refused('tool_choice is none of "auto", "none", "required" and { type: "function", function: { name } }');
  return { name };
}

function only(functions: ChatModelFunctions | undefined, choice: Choice): ChatModelFunctions | undefined {
  if (typeof choice === 'string') {
    if (choice === 'required' && functions === undefined) throw new Refused('tool_choice is "required", and tools is empty');
    return functions;
  }
  const named = functions?.[choice.name];
  if (named === undefined) throw new Refused(`tool_choice names ${JSON.stringify(choice.name)}, which is not among tools`);
  return { [choice.name]: named };
}

function schemaOf(format: Json | undefined): Json | 'json' | undefined {
  if (!isObject(format) || format['type'] === 'text') return undefined;
  if (format['type'] === 'json_object') return 'json';
  const schema = isObject(format['json_schema']) ? format['json_schema']['schema'] : undefined;
  if (format['type'] !== 'json_schema' || schema === undefined)
    throw new Refused('response_format has to be text, json_object, or json_schema with a json_schema.schema');
  return schema;
}

function promptOf({ wrapper, model }: Chatting, { history, functions }: Turn) {
  const { contextText } = wrapper.generateContextState({
    chatHistory: history,
    ...(functions === undefined ? {} : { availableFunctions: functions }),
    documentFunctionParams: true,
  });
  return contextText.tokenize(model.tokenizer, 'trimLeadingSpace');
}

async function answer(parts: Chatting, turn: Turn, grammar: LlamaGrammar | undefined): Promise<Usage> {
  const prompt = promptOf(parts, turn);
  return parts.pool.use(prompt, turn.signal, async (sequence) => {
    const { sampling } = turn.call;
    const room = roomAfter(prompt.length, sequence.contextSize);
    const { penalty, ...picking } = pickingOf(sampling);
    const calls = createCallDeltas(turn.say);
    const meter = sequence.tokenMeter.getState();
    const session = new LlamaChat({ contextSequence: sequence, chatWrapper: parts.wrapper });
    try {
      const { metadata } = await session.generateResponse(turn.history, {
        ...picking,
        repeatPenalty: penalty === undefined ? false : { penalty: 1, lastTokens: PENALTY_TOKENS, ...penalty },
        maxTokens: Math.min(sampling.maxTokens ?? Infinity, room),
        signal: turn.signal,
        // Nothing of the conversation is dropped in silence: who does not fit was refused above.
        contextShift: { size: 1 },
        ...(sampling.stop === undefined ? {} : { customStopTriggers: sampling.stop.filter((stop) => stop !== '') }),
        onResponseChunk: ({ type, text }) => {
          if (text !== '') turn.say(type === 'segment' ? { reasoning: text } : { text });
        },
        ...(turn.functions === undefined
          ? grammar === undefined
            ? {}
            : { grammar }
          : { functions: turn.functions, documentFunctionParams: true, onFunctionCallParamsChunk: calls.take }),
      });
      calls.end();
      const { stopReason } = metadata;
      turn.say({ finish: stopReason === 'functionCalls' ? 'tool_calls' : stopReason === 'maxTokens' ? 'length' : 'stop' });
    } finally {
      session.dispose({ disposeSequence: false });
    }
    return { promptTokens: prompt.length, completionTokens: sequence.tokenMeter.diff(meter).usedOutputTokens };
  });
}

async function answerByToken(parts: Chatting, turn: Turn, grammar: LlamaGrammar | undefined): Promise<Usage> {
  const prompt = promptOf(parts, turn);
  return parts.pool.use(prompt, turn.signal, async (sequence) => {
    const { model } = parts;
    const { finish, completionTokens } = await generate({
      model,
      sequence,
      prompt,
      sampling: turn.call.sampling,
      grammar,
      signal: turn.signal,
      say: turn.say,
    });
    turn.say({ finish });
    return { promptTokens: prompt.length, completionTokens };
  });
}

/** A call is all that the grammar lets through, so any model makes one. */
async function mustCall(parts: Chatting, turn: Turn, functions: ChatModelFunctions): Promise<Usage> {
  const choices = Object.entries(functions).map(([name, { params }]) => ({
    type: 'object',
    properties: { name: { const: name }, arguments: params ?? { type: 'object', additionalProperties: false, properties: {} } },
  }));
  const grammar = await parts.grammarOf({ oneOf: choices } as unknown as Json, 'tools');
  const prompt = promptOf(parts, turn);
  return parts.pool.use(prompt, turn.signal, async (sequence) => {
    const texts: string[] = [];
    const { model } = parts;
    const sampling = { ...turn.call.sampling, stop: undefined, logprobs: undefined };
    const say = ({ text }: Piece): void => void texts.push(text ?? '');
    const { finish, completionTokens } = await generate({ model, sequence, prompt, sampling, grammar, signal: turn.signal, say });
    const usage = { promptTokens: prompt.length, completionTokens };
    if (finish === 'length') {
      turn.say({ finish });
      return usage;
    }
    const { name, arguments: values } = JSON.parse(texts.join('')) as { name: string; arguments: Json };
    turn.say({ toolCalls: [{ index: 0, id: newCallId(), type: 'function', function: { name, arguments: JSON.stringify(values) } }] });
    turn.say({ finish: 'tool_calls' });
    return usage;
  });
}

interface ParamsChunk {
  readonly callIndex: number;
  readonly functionName: string;
  readonly paramsChunk: string;
}

/** Calls as OpenAI streams them: the first delta of each names it. */
function createCallDeltas(say: (piece: Piece) => void): { take(chunk: ParamsChunk): void; end(): void } {
  const seen = new Map<number, boolean>();
  return {
    take({ callIndex: index, functionName, paramsChunk }) {
      const isNew = !seen.has(index);
      seen.set(index, seen.get(index) === true || paramsChunk !== '');
      const named = isNew ? { id: newCallId(), type: 'function' } : {};
      if (isNew || paramsChunk !== '')
        say({ toolCalls: [{ index, ...named, function: { ...(isNew ? { name: functionName } : {}), arguments: paramsChunk } }] });
    },
    end() {
      for (const [index, hasParams] of seen) if (!hasParams) say({ toolCalls: [{ index, function: { arguments: '{}' } }] });
    },
  };
}

function newCallId(): string {
  return `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
}

/** Grammars by what they were asked for: making one takes longer than a token. */
export function createGrammars(llama: Llama): Chatting['grammarOf'] {
  const kept = new Map<string, Promise<LlamaGrammar>>();
  return (schema, at) => {
    const key = JSON.stringify(schema);
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = makeGrammar(llama, schema, at).catch((error: unknown) => {
      kept.delete(key);
      throw error instanceof Refused ? error : new Refused(`${at} can't be made a grammar: ${error instanceof Error ? error.message : String(error)}`);
    });
    kept.set(key, made);
    // Oldest first: agents ask with few schemas, again and again.
    if (kept.size > 64) kept.delete([...kept.keys()][0] ?? '');
    return made;
  };
}

async function makeGrammar(llama: Llama, schema: Json | 'json', at: string): Promise<LlamaGrammar> {
  if (schema === 'json') return llama.getGrammarFor('json');
  // The library's type of a schema can only be met by a literal.
  return llama.createGrammarForJsonSchema(toGrammarSchema(schema, at) as { type: 'object' });
}
