/** Hand-reckoned caches of known models: sizes of their published configurations put through llama.cpp's own formulas. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimate, type LoadPlan } from './estimate.ts';
import { factsOf, type ModelShape } from './gguf-shape.ts';
import type { Gguf, GgufValue } from './gguf.ts';

const MIB = 1024 * 1024;
type Numbers = Readonly<Record<string, number | readonly (number | boolean)[]>>;

function shapeOf(architecture: string, numbers: Numbers): ModelShape {
  const entries = Object.entries(numbers).map(([name, value]): [string, GgufValue] => [
    `${architecture}.${name}`,
    typeof value === 'number' ? value : { length: value.length, items: value },
  ]);
  const gguf: Gguf = { version: 3, metadata: new Map<string, GgufValue>([['general.architecture', architecture], ...entries]), tensors: [], dataOffset: 0 };
  const { shape } = factsOf(gguf);
  assert.ok(shape !== null);
  return shape;
}

/** MiB of cache on a device that holds all layers. */
function cacheOf(shape: ModelShape, change: Partial<LoadPlan>): number {
  const plan: LoadPlan = { context: 8_192, parallel: 1, gpuLayers: shape.layerBytes.length + 1, cacheType: 'f16', flashAttention: true, ...change };
  return estimate(shape, plan).vram.cache / MIB;
}

const gemma3 = {
  block_count: 62,
  embedding_length: 5_376,
  context_length: 131_072,
  'attention.head_count': 32,
  'attention.head_count_kv': 16,
  'attention.key_length': 128,
  'attention.value_length': 128,
  'attention.sliding_window': 1_024,
};

test('Gemma 3 27B: ten layers of the whole context, 52 of a window', () => {
  const shape = shapeOf('gemma3', gemma3);
  assert.equal(shape.window?.layers.filter(Boolean).length, 52);
  assert.deepEqual(shape.window?.layers.slice(0, 7), [true, true, true, true, true, false, true]);
  // A cell of a layer is 16 heads * 256 * 2 bytes = 8 KiB. 10 * 8192 cells: 640 MiB; 52 * (1024 + 513, rounded up to 1792 cells): 728 MiB.
  assert.equal(cacheOf(shape, {}), 640 + 728);
  // Four conversations: each has its own window.
  assert.equal(cacheOf(shape, { parallel: 4 }), 4 * (640 + 728));
  // A context below the window: nothing is spared, and nothing is added.
  assert.equal(cacheOf(shape, { context: 512 }), (62 * 512 * 8) / 1_024);
  // 128k tokens: 62 layers of the whole context would be 62 GiB.
  assert.equal(cacheOf(shape, { context: 131_072 }), 10_240 + 728);
});

test('gpt-oss 20B: every other layer, as llama.cpp logs it: 192 MiB and 18 MiB of 768 cells', () => {
  const shape = shapeOf('gpt-oss', {
    ...{ block_count: 24, embedding_length: 2_880, context_length: 131_072 },
    ...{ 'attention.head_count': 64, 'attention.head_count_kv': 8, 'attention.key_length': 64, 'attention.value_length': 64, 'attention.sliding_window': 128 },
  });
  assert.equal(cacheOf(shape, {}), 192 + 18);
});

test('a list says of each layer what it is, with lengths of its own for windows; a number changes how often', () => {
  const list = shapeOf('newcomer', {
    ...{ block_count: 4, embedding_length: 1_024, context_length: 32_768, 'attention.head_count': 8, 'attention.head_count_kv': [2, 2, 2, 4] },
    ...{ 'attention.key_length': 128, 'attention.value_length': 128, 'attention.key_length_swa': 64, 'attention.value_length_swa': 64 },
    ...{ 'attention.sliding_window': 512, 'attention.sliding_window_pattern': [true, false, true, false] },
  });
  // Windowed: 2 * (512 + 513 -> 1280 cells) * 2 heads * 128 * 2 bytes; whole: 8192 * (2 + 4 heads) * 256 * 2.
  assert.equal(cacheOf(list, {}), (2 * 1_280 * 2 * 128 * 2 + 8_192 * 6 * 256 * 2) / MIB);
  assert.equal(shapeOf('gemma3', { ...gemma3, 'attention.sliding_window_pattern': 2 }).window?.layers.filter(Boolean).length, 31);
});

test('a window that its engine does not use, or that holds the whole context, is none', () => {
  // Phi 3 and Mistral name one; llama.cpp keeps their whole context.
  for (const architecture of ['phi3', 'llama', 'qwen3']) assert.equal(shapeOf(architecture, gemma3).window, undefined);
  assert.equal(shapeOf('gemma3', { ...gemma3, 'attention.sliding_window': 131_072 }).window, undefined);
  assert.equal(shapeOf('gemma3', { ...gemma3, 'attention.sliding_window': -5 }).window, undefined);
});

test('Mamba 2.8B keeps a state of 23.75 MiB a sequence, however long the context, as llama.cpp logs it: R 3.75 MiB, S 20 MiB', () => {
  const shape = shapeOf('mamba', {
    ...{ block_count: 64, embedding_length: 2_560, context_length: 1_048_576, 'attention.head_count': 0 },
    ...{ 'ssm.conv_kernel': 4, 'ssm.inner_size': 5_120, 'ssm.state_size': 16 },
  });
  assert.equal(cacheOf(shape, {}), 23.75);
  assert.equal(cacheOf(shape, { context: 131_072, parallel: 2 }), 47.5);
});

test('Qwen3-Next 80B: 12 layers of attention at 4096 tokens are 96 MiB, 36 states 75.375 MiB', () => {
  const shape = shapeOf('qwen3next', {
    ...{ block_count: 48, embedding_length: 2_048, context_length: 262_144, full_attention_interval: 4 },
    ...{ 'attention.head_count': 16, 'attention.head_count_kv': 2, 'attention.key_length': 256, 'attention.value_length': 256 },
    ...{ 'ssm.conv_kernel': 4, 'ssm.inner_size': 4_096, 'ssm.state_size': 128, 'ssm.group_count': 16 },
  });
  assert.equal(cacheOf(shape, { context: 4_096 }), 96 + 75.375);
});

test('hybrids that list their heads: those without are states, in Nemotron-H only where no network stands in their place; Falcon-H1 has both in each', () => {
  const state = { 'ssm.conv_kernel': 4, 'ssm.inner_size': 1_024, 'ssm.state_size': 16, 'ssm.group_count': 1 };
  const base = { block_count: 4, embedding_length: 512, context_length: 8_192, 'attention.head_count': 8, ...state };
  const bytes = 4 * (3 * (1_024 + 2 * 16) + 16 * 1_024);
  assert.deepEqual(shapeOf('granitehybrid', { ...base, 'attention.head_count_kv': [0, 0, 2, 0] }).recurrent, [true, true, false, true]);
  const nemotron = shapeOf('nemotron_h', { ...base, 'attention.head_count_kv': [0, 0, 2, 0], feed_forward_length: [0, 2_048, 0, 0] });
  assert.deepEqual([nemotron.recurrent, nemotron.recurrentBytes], [[true, false, false, true], bytes]);
  const falcon = shapeOf('falcon-h1', { ...base, 'attention.head_count_kv': 2 });
  assert.equal(cacheOf(falcon, { context: 256 }), (4 * (256 * 2 * 128 * 2 + bytes)) / MIB);
});

test('layers that share the cache of earlier ones keep none; absurd numbers keep nothing', () => {
  const shape = shapeOf('gemma3n', { ...gemma3, block_count: 30, 'attention.shared_kv_layers': 10 });
  assert.deepEqual(
    [shape.kvHeads.filter((heads) => heads > 0).length, shape.kvHeads[19], shape.kvHeads[20], shape.recurrent?.includes(true)],
    [20, 16, 0, false],
  );
  const absurd = shapeOf('gemma3', { ...gemma3, 'attention.head_count_kv': [Number.NaN, -1, 1e300], 'attention.shared_kv_layers': 1e9 });
  assert.ok(absurd.kvHeads.every((heads) => heads === 0));
});
