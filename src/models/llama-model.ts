/** A loaded GGUF file inside the llama child: its context with sequences, its embeddings, its requests. Loads as it is told and fits nothing by itself:
 *  what does not fit fails, and Studio asks the ledger again. */
import {
  getLlama,
  InsufficientMemoryError,
  JinjaTemplateChatWrapper,
  LlamaLogLevel,
  NoBinaryFoundError,
  resolveChatWrapper,
  type Llama,
  type LlamaContextOptions,
  type LlamaEmbeddingContext,
  type LlamaModel,
} from 'node-llama-cpp';
import type { ChatCall, Piece, TextCall, Usage } from './engine.ts';
import { chat, createGrammars, type Chatting } from './llama-chat.ts';
import { generate } from './llama-generate.ts';
import type { LlamaFacts, LlamaLoad } from './llama-protocol.ts';
import { Refused } from './llama-refusal.ts';
import { createSequencePool } from './llama-sequences.ts';

export interface Answering {
  readonly signal: AbortSignal;
  say(piece: Piece): void;
}

export interface LoadedLlama {
  readonly facts: LlamaFacts;
  chat(call: ChatCall, answering: Answering): Promise<Usage>;
  complete(call: TextCall, answering: Answering): Promise<Usage>;
  /** @param say told each vector, in the order of the texts */
  embed(
    texts: readonly string[],
    options: { readonly signal: AbortSignal; readonly dimensions: number | undefined; say(vector: readonly number[]): void },
  ): Promise<Usage>;
}

/** A model of text makes embeddings beside its answers: short ones, so that they take little memory. */
const SIDE_EMBEDDING_TOKENS = 2_048;
/** Architectures that read and never write. */
const ENCODERS = new Set([
  'bert',
  'nomic-bert',
  'nomic-bert-moe',
  'jina-bert-v2',
  'jina-bert-v3',
  'neo-bert',
  'modern-bert',
  'eurobert',
  't5encoder',
  'gemma-embedding',
]);

/** @throws Error with the engine's reason */
export async function loadLlama(load: LlamaLoad, onProgress: (value: number) => void): Promise<LoadedLlama> {
  const llama = await getLlama({
    gpu: load.gpu,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.warn,
    maxThreads: load.threads,
    // The ledger has granted what is taken: nothing is held back a second time.
    vramPadding: 0,
    ramPadding: 0,
    logger: (_level, message) => process.stderr.write(`${message}\n`),
  });
  const model = await llama.loadModel({
    modelPath: load.path,
    gpuLayers: load.gpu === false ? 0 : load.gpuLayers,
    ignoreMemorySafetyChecks: true,
    onLoadProgress: onProgress,
  });
  return isEncoder(model) ? encoder(load, model) : generator(load, llama, model);
}

function isEncoder(model: LlamaModel): boolean {
  const { architectureMetadata, metadata } = model.fileInfo;
  const pooling: unknown = 'pooling_type' in architectureMetadata ? architectureMetadata.pooling_type : undefined;
  return ENCODERS.has(metadata.general.architecture) || (typeof pooling === 'number' && pooling > 0);
}

function factsOf(load: LlamaLoad, model: LlamaModel, more: Pick<LlamaFacts, 'contextLength' | 'parallel' | 'isEmbedding'>): LlamaFacts {
  return { ...more, gpuLayers: model.gpuLayers, vectorSize: model.embeddingVectorSize, gpu: load.gpu };
}

async function encoder(load: LlamaLoad, model: LlamaModel): Promise<LoadedLlama> {
  const contextSize = Math.min(load.contextLength, model.trainContextSize);
  const context = await model.createEmbeddingContext({ contextSize, batchSize: contextSize, threads: load.threads, ignoreMemorySafetyChecks: true });
  const noText = (): Promise<Usage> => Promise.reject(new Refused('this model makes embeddings and no text: ask /v1/embeddings'));
  return {
    facts: factsOf(load, model, { contextLength: contextSize, parallel: 1, isEmbedding: true }),
    chat: noText,
    complete: noText,
    embed: (texts, options) => embed({ model, contextSize, context: () => Promise.resolve(context) }, texts, options),
  };
}

async function generator(load: LlamaLoad, llama: Llama, model: LlamaModel): Promise<LoadedLlama> {
  const cacheType = load.cacheType === undefined ? undefined : CACHE_TYPES[load.cacheType];
  const context = await model.createContext({
    contextSize: load.contextLength,
    sequences: load.parallel,
    threads: load.threads,
    ignoreMemorySafetyChecks: true,
    failedCreationRemedy: false,
    ...(load.batchSize === undefined ? {} : { batchSize: load.batchSize }),
    ...(load.flashAttention === undefined ? {} : { flashAttention: load.flashAttention }),
    ...(cacheType === undefined ? {} : { experimentalKvCacheKeyType: cacheType, experimentalKvCacheValueType: cacheType }),
  });
  const pool = createSequencePool(Array.from({ length: load.parallel }, () => context.getSequence()));
  const wrapper =
    load.chatTemplate === undefined ? resolveChatWrapper(model) : new JinjaTemplateChatWrapper({ template: load.chatTemplate, tokenizer: model.tokenizer });
  const chatting: Chatting = { llama, model, wrapper, pool, grammarOf: createGrammars(llama) };
  const contextSize = Math.min(SIDE_EMBEDDING_TOKENS, context.contextSize);
  let embedding: Promise<LlamaEmbeddingContext> | undefined;
  const embeddingContext = (): Promise<LlamaEmbeddingContext> =>
    (embedding ??= model.createEmbeddingContext({ contextSize, batchSize: contextSize, threads: load.threads, ignoreMemorySafetyChecks: true }));
  return {
    facts: factsOf(load, model, { contextLength: context.contextSize, parallel: load.parallel, isEmbedding: false }),
    chat: (call, answering) => chat(chatting, call, answering),
    complete: (call, answering) => complete(chatting, call, answering),
    embed: (texts, options) => embed({ model, contextSize, context: embeddingContext }, texts, options),
  };
}

const CACHE_TYPES = { f32: 'F32', f16: 'F16', q8_0: 'Q8_0', q4_0: 'Q4_0' } as const satisfies Record<
  NonNullable<LlamaLoad['cacheType']>,
  NonNullable<LlamaContextOptions['experimentalKvCacheKeyType']>
>;

async function complete({ model, pool }: Chatting, call: TextCall, { signal, say }: Answering): Promise<Usage> {
  const { bos, shouldPrependBosToken } = model.tokens;
  const prompt = [...(shouldPrependBosToken && bos !== null ? [bos] : []), ...model.tokenize(call.prompt)];
  return pool.use(prompt, signal, async (sequence) => {
    const { finish, completionTokens } = await generate({ model, sequence, prompt, sampling: call.sampling, signal, say });
    say({ finish });
    return { promptTokens: prompt.length, completionTokens };
  });
}

interface Embedding {
  readonly model: LlamaModel;
  readonly contextSize: number;
  context(): Promise<LlamaEmbeddingContext>;
}

async function embed(
  { model, contextSize, context }: Embedding,
  texts: readonly string[],
  { signal, dimensions, say }: Parameters<LoadedLlama['embed']>[1],
): Promise<Usage> {
  const inputs = texts.map((text) => model.tokenize(text));
  const tooLong = inputs.findIndex((tokens) => tokens.length > contextSize - 2);
  if (tooLong >= 0) throw new Refused(`input[${tooLong}] has ${inputs[tooLong]?.length} tokens, the limit is ${contextSize - 2}: split it`);
  if (dimensions !== undefined && dimensions > model.embeddingVectorSize)
    throw new Refused(`dimensions is ${dimensions}, the vectors of this model have ${model.embeddingVectorSize}`);
  const made = await context();
  for (const tokens of inputs) {
    signal.throwIfAborted();
    // Serial: a context embeds one text at a time.
    const { vector } = await made.getEmbeddingFor(tokens);
    say(unit(dimensions === undefined ? vector : vector.slice(0, dimensions)));
  }
  return { promptTokens: inputs.reduce((sum, tokens) => sum + tokens.length, 0), completionTokens: 0 };
}

/** Of length one, as those of OpenAI: then their dot product is how alike they are. */
function unit(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

/** In words that a person can act on. */
export function explainLoad(error: unknown, gpu: LlamaLoad['gpu']): string {
  if (error instanceof NoBinaryFoundError)
    return `no build of llama.cpp for ${gpu === false ? 'this processor' : gpu} works here: ${gpu === false ? 'install Studio again' : 'the libraries of the driver are missing or too old'}`;
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof InsufficientMemoryError ? `${message}: fewer layers on the device or a shorter context need less` : message;
}
