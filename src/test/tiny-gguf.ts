/** Makes tiny models with random weights: a real GGUF (llama architecture, its tokenizer and a chat template inside) that llama.cpp loads within
 *  milliseconds and that answers, without sense. The same options give the same bytes. Its words: `the `, letters, digits, punctuation, and bytes. */
import { writeFileSync } from 'node:fs';

export interface TinyModel {
  /** Of the weights. Default 1. */
  readonly seed?: number;
  readonly name?: string;
  /** Tokens it says it was trained with. Default 2048. */
  readonly contextLength?: number;
  readonly layers?: number;
  /** A multiple of 16; more makes the file larger and the model slower. Default 32. */
  readonly width?: number;
  /** One for embeddings: it says how its vectors are pooled, and has no chat template. */
  readonly isEmbedding?: boolean;
}

/** Writes the model of `options` to `path`. @returns its size in bytes */
export function writeTinyGguf(path: string, options: TinyModel = {}): number {
  const bytes = tinyGguf(options);
  writeFileSync(path, bytes);
  return bytes.length;
}

/** The bytes of a model file: about 130 kB with the defaults. */
export function tinyGguf(options: TinyModel = {}): Buffer {
  const { seed = 1, layers = 2, width = 32 } = options;
  const tokens = vocabulary();
  const metadata = describe(options, { layers, width, tokens });
  const tensors = weights({ layers, width, tokens, random: randomOf(seed) });
  const head: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(metadata.length), ...metadata];
  let offset = 0;
  for (const tensor of tensors) {
    head.push(text(tensor.name), u32(tensor.shape.length), ...tensor.shape.map(u64), u32(0), u64(offset));
    offset += padded(tensor.values.length * 4);
  }
  const front = Buffer.concat(head);
  return Buffer.concat([withPadding(front), ...tensors.map(({ values }) => withPadding(Buffer.from(values.buffer, values.byteOffset, values.byteLength)))]);
}

const ALIGNMENT = 32;
const FEED_FORWARD = 2;
const HEADS = 4;
const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

interface Token {
  readonly text: string;
  readonly kind: 'unknown' | 'control' | 'byte' | 'normal';
}

/** As llama.cpp numbers them. */
const KINDS = { normal: 1, unknown: 2, control: 3, byte: 6 } as const;

function vocabulary(): readonly Token[] {
  const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
  const words = ['▁', '▁the', '▁a', '▁of', '▁and', '▁is', '▁one', '▁two', 'ing', 'er', 'th', 'he', 'in', 'on', 'an', 're', ...printable];
  return [
    { text: '<unk>', kind: 'unknown' },
    { text: '<s>', kind: 'control' },
    { text: '</s>', kind: 'control' },
    { text: '<|im_start|>', kind: 'control' },
    { text: '<|im_end|>', kind: 'control' },
    ...Array.from({ length: 256 }, (_, byte): Token => ({ text: `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, kind: 'byte' })),
    ...words.map((word): Token => ({ text: word, kind: 'normal' })),
  ];
}

interface Shape {
  readonly layers: number;
  readonly width: number;
  readonly tokens: readonly Token[];
}

function describe(options: TinyModel, { layers, width, tokens }: Shape): readonly Buffer[] {
  const isEmbedding = options.isEmbedding === true;
  return [
    entry('general.architecture', 8, text('llama')),
    entry('general.name', 8, text(options.name ?? 'Tiny')),
    entry('general.file_type', 4, u32(0)),
    entry('llama.context_length', 4, u32(options.contextLength ?? 2_048)),
    entry('llama.embedding_length', 4, u32(width)),
    entry('llama.block_count', 4, u32(layers)),
    entry('llama.feed_forward_length', 4, u32(width * FEED_FORWARD)),
    entry('llama.rope.dimension_count', 4, u32(width / HEADS)),
    entry('llama.attention.head_count', 4, u32(HEADS)),
    entry('llama.attention.head_count_kv', 4, u32(HEADS)),
    entry('llama.attention.layer_norm_rms_epsilon', 6, f32(1e-5)),
    entry('llama.vocab_size', 4, u32(tokens.length)),
    ...(isEmbedding ? [entry('llama.pooling_type', 4, u32(1))] : []),
    entry('tokenizer.ggml.model', 8, text('llama')),
    entry(
      'tokenizer.ggml.tokens',
      9,
      array(8, tokens, (token) => text(token.text)),
    ),
    // Longer pieces first, as a trained tokenizer has it.
    entry(
      'tokenizer.ggml.scores',
      9,
      array(6, tokens, (token) => f32(token.kind === 'normal' ? token.text.length - 100 : 0)),
    ),
    entry(
      'tokenizer.ggml.token_type',
      9,
      array(5, tokens, (token) => u32(KINDS[token.kind])),
    ),
    entry('tokenizer.ggml.unknown_token_id', 4, u32(0)),
    entry('tokenizer.ggml.bos_token_id', 4, u32(1)),
    entry('tokenizer.ggml.eos_token_id', 4, u32(4)),
    entry('tokenizer.ggml.add_bos_token', 7, Buffer.from([1])),
    ...(isEmbedding ? [] : [entry('tokenizer.chat_template', 8, text(CHAT_TEMPLATE))]),
  ];
}

interface Tensor {
  readonly name: string;
  /** Innermost first, as ggml has it. */
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

function weights({ layers, width, tokens, random }: Shape & { readonly random: () => number }): readonly Tensor[] {
  const filled = (count: number, scale: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: count }, () => (random() * 2 - 1) * scale);
  const matrix = (name: string, from: number, to: number, scale = 1 / Math.sqrt(from)): Tensor => ({
    name,
    shape: [from, to],
    values: filled(from * to, scale * 2),
  });
  const norm = (name: string): Tensor => ({ name, shape: [width], values: new Float32Array(width).fill(1) });
  const output = matrix('output.weight', width, tokens.length);
  // What is no text has nothing to say: a greedy answer is printable and never ends by itself.
  for (const [index, token] of tokens.entries()) if (token.kind !== 'normal') output.values.fill(0, index * width, (index + 1) * width);
  const blocks = Array.from({ length: layers }, (_, layer) => [
    norm(`blk.${layer}.attn_norm.weight`),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((part) => matrix(`blk.${layer}.${part}.weight`, width, width)),
    norm(`blk.${layer}.ffn_norm.weight`),
    matrix(`blk.${layer}.ffn_gate.weight`, width, width * FEED_FORWARD),
    matrix(`blk.${layer}.ffn_up.weight`, width, width * FEED_FORWARD),
    matrix(`blk.${layer}.ffn_down.weight`, width * FEED_FORWARD, width),
  ]);
  return [matrix('token_embd.weight', width, tokens.length, 1), ...blocks.flat(), norm('output_norm.weight'), output];
}

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function entry(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([text(key), u32(type), value]);
}

function array<T>(type: number, items: readonly T[], encode: (item: T) => Buffer): Buffer {
  return Buffer.concat([u32(type), u64(items.length), ...items.map(encode)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function f32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function withPadding(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
}
