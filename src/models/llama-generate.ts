/** Tokens after a prompt, one by one: completions, answers with probabilities, answers held to a grammar. The context is never shifted:
 *  when it is full the answer ends with `length`. Runs in the llama child. */
import { LlamaGrammarEvaluationState, type LlamaContextSequence, type LlamaGrammar, type LlamaModel, type Token } from 'node-llama-cpp';
import type { Json } from '../contract/endpoint.ts';
import type { Piece, Sampling } from './engine.ts';
import { Refused } from './llama-refusal.ts';
import { pickingOf, PENALTY_TOKENS } from './llama-sampling.ts';
import { createStopFilter, createTokenText } from './llama-stop.ts';

export interface Generation {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  readonly prompt: readonly Token[];
  readonly sampling: Sampling;
  readonly grammar?: LlamaGrammar | undefined;
  readonly signal: AbortSignal;
  say(piece: Piece): void;
}

export interface Generated {
  readonly finish: 'stop' | 'length';
  readonly completionTokens: number;
}

/** So many tokens of a prompt are read before a cancellation is looked for. */
const PROMPT_STEP = 512;

/** @throws the signal's reason; Refused when the prompt does not fit */
export async function generate(parts: Generation): Promise<Generated> {
  const { model, sequence, sampling, signal, say } = parts;
  const limit = Math.min(sampling.maxTokens ?? Infinity, roomAfter(parts.prompt.length, sequence.contextSize));
  const last = await readPrompt(parts);
  const stop = createStopFilter(sampling.stop ?? []);
  const text = createTokenText<Token>((tokens, before) => model.detokenize(tokens, false, before));
  const said: Token[] = [];
  let isStopped = false;
  const tell = (added: string, logprobs?: Json): void => {
    const shown = stop.push(added);
    isStopped ||= shown.isStopped;
    if (shown.text !== '' || logprobs !== undefined) say({ text: shown.text, ...(logprobs === undefined ? {} : { logprobs }) });
  };
  const options = evaluation(parts, said);
  const tokens =
    sampling.logprobs === undefined
      ? sequence.evaluateWithMetadata([last], {}, options)
      : sequence.evaluateWithMetadata([last], { probabilities: true }, options);
  for await (const { token, probabilities } of tokens as AsyncIterable<{ token: Token; probabilities?: ReadonlyMap<Token, number> }>) {
    signal.throwIfAborted();
    said.push(token);
    const added = text.push(token);
    const logprobs = probabilities === undefined ? undefined : logprobsOf(parts, token, probabilities);
    if (added !== '' || logprobs !== undefined) tell(added, logprobs);
    if (isStopped || said.length >= limit) break;
  }
  signal.throwIfAborted();
  const isCut = !isStopped && said.length >= limit;
  if (!isStopped) {
    const rest = text.rest();
    if (rest !== '') tell(rest);
  }
  if (!isStopped) {
    const held = stop.rest();
    if (held !== '') say({ text: held });
  }
  return { finish: isCut ? 'length' : 'stop', completionTokens: said.length };
}

/** How many tokens an answer may have. @throws Refused when there is no room for one */
export function roomAfter(promptTokens: number, contextSize: number): number {
  const room = contextSize - promptTokens;
  if (room < 1) throw new Refused(`the prompt has ${promptTokens} tokens, the context ${contextSize}: shorten it, or load the model with a longer context`);
  return room;
}

/** Brings the sequence to the prompt without its last token; what it remembers of it is not read again. @returns the last token */
async function readPrompt({ model, sequence, prompt, signal }: Generation): Promise<Token> {
  const last = prompt.at(-1) ?? model.tokens.bos;
  if (last === null) throw new Refused('the prompt is empty');
  const front = prompt.slice(0, -1);
  await sequence.adaptStateToTokens(front, false);
  for (let at = sequence.nextTokenIndex; at < front.length; at += PROMPT_STEP) {
    signal.throwIfAborted();
    // Serial: a sequence reads one step after the other.
    await sequence.evaluateWithoutGeneratingNewTokens(front.slice(at, at + PROMPT_STEP));
  }
  signal.throwIfAborted();
  return last;
}

function evaluation({ model, sampling, grammar }: Generation, said: readonly Token[]): Parameters<LlamaContextSequence['evaluate']>[1] {
  const { temperature, topP, topK, minP, seed, penalty } = pickingOf(sampling);
  return {
    temperature,
    topP,
    topK,
    minP,
    seed,
    ...(grammar === undefined ? {} : { grammarEvaluationState: new LlamaGrammarEvaluationState({ model, grammar }) }),
    ...(penalty === undefined
      ? {}
      : { repeatPenalty: { punishTokens: () => said.slice(-PENALTY_TOKENS), maxPunishTokens: PENALTY_TOKENS, penalty: 1, ...penalty } }),
  };
}

/** As chat/completions writes them; the gateway makes of it what completions do. @param probabilities most likely first */
function logprobsOf({ model, sampling }: Generation, token: Token, probabilities: ReadonlyMap<Token, number>): Json {
  const describe = (one: Token, probability: number) => {
    const text = model.detokenize([one], true);
    return { token: text, logprob: logOf(probability), bytes: [...Buffer.from(text)] };
  };
  const top: ReturnType<typeof describe>[] = [];
  for (const [one, probability] of probabilities) {
    if (top.length >= (sampling.logprobs ?? 0)) break;
    top.push(describe(one, probability));
  }
  return { content: [{ ...describe(token, probabilities.get(token) ?? 0), top_logprobs: top }], refusal: null };
}

/** JSON has no infinity: what was never to be chosen is as unlikely as OpenAI writes it. */
function logOf(probability: number): number {
  return probability > 0 ? Math.log(probability) : -9_999;
}
