import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimate, fit, layerCount, type LoadPlan } from './estimate.ts';
import type { ModelShape } from './gguf-shape.ts';

const MIB = 1024 * 1024;

/** Llama 3 8B as Q4_K_M: 32 layers of 8 of 32 heads, 128 wide; weights as its file has them, the layers evened out. */
const llama3: ModelShape = {
  contextLength: 8_192,
  embeddingLength: 4_096,
  vocabulary: 128_256,
  heads: 32,
  kvHeads: Array.from({ length: 32 }, () => 8),
  keyLength: 128,
  valueLength: 128,
  layerBytes: Array.from({ length: 32 }, () => 130 * MIB),
  inputBytes: 281 * MIB,
  outputBytes: 411 * MIB,
  recurrentBytes: 0,
};
const whole: LoadPlan = { context: 8_192, parallel: 1, gpuLayers: 33, cacheType: 'f16', flashAttention: false };

test('the cache of Llama 3 8B at 8192 tokens is 1024 MiB, as llama.cpp says, and grows with context, sequences and type', () => {
  assert.equal(estimate(llama3, whole).vram.cache, 1_024 * MIB);
  assert.equal(estimate(llama3, { ...whole, context: 4_096 }).vram.cache, 512 * MIB);
  assert.equal(estimate(llama3, { ...whole, parallel: 4 }).vram.cache, 4_096 * MIB);
  assert.equal(estimate(llama3, { ...whole, cacheType: 'q8_0' }).vram.cache, 544 * MIB);
  assert.equal(estimate(llama3, { ...whole, cacheType: 'q4_0' }).vram.cache, 288 * MIB);
  assert.equal(estimate(llama3, { ...whole, cacheType: 'f32' }).vram.cache, 2_048 * MIB);
});

test('its compute buffer is 560 MiB, and 258.5 MiB with flash attention, as llama.cpp says', () => {
  assert.equal(estimate(llama3, whole).vram.compute, 560 * MIB);
  assert.equal(estimate(llama3, { ...whole, flashAttention: true }).vram.compute, 258.5 * MIB);
});

test('weights lie where their layers lie: the last layers first, the output as one more, the embeddings never', () => {
  assert.deepEqual(
    [33, 32, 10, 0].map((gpuLayers) => estimate(llama3, { ...whole, gpuLayers })).map(({ vram, memory }) => [vram.weights / MIB, memory.weights / MIB]),
    [
      [32 * 130 + 411, 281],
      [32 * 130, 281 + 411],
      [10 * 130, 22 * 130 + 281 + 411],
      [0, 32 * 130 + 281 + 411],
    ],
  );
  const half = estimate(llama3, { ...whole, gpuLayers: 16 });
  assert.deepEqual([half.vram.cache / MIB, half.memory.cache / MIB], [512, 512]);
});

test('nothing on the device takes nothing of it', () => {
  assert.deepEqual(estimate(llama3, { ...whole, gpuLayers: 0 }).vram, { weights: 0, cache: 0, compute: 0, runtime: 0, total: 0 });
});

test('the context is rounded up to 256 cells; layers without heads keep a state a sequence instead of a cache', () => {
  assert.equal(estimate(llama3, { ...whole, context: 1 }).vram.cache, estimate(llama3, { ...whole, context: 256 }).vram.cache);
  const hybrid: ModelShape = { ...llama3, kvHeads: [8, 0, 0, 0], layerBytes: [1, 1, 1, 1], recurrentBytes: 1_000 };
  assert.equal(estimate(hybrid, { ...whole, gpuLayers: 5, parallel: 2, context: 256 }).vram.cache, 512 * 8 * 256 * 2 + 3 * 2_000);
});

test('what fits is exactly what the estimate says: one layer or 256 tokens more does not', () => {
  const device = 4_096 * MIB;
  const found = fit(llama3, whole, device);
  assert.equal(found.verdict, 'partly');
  const total = (change: Partial<LoadPlan>): number => estimate(llama3, { ...whole, ...change }).vram.total;
  assert.ok(total({ gpuLayers: found.gpuLayers }) <= device && total({ gpuLayers: found.gpuLayers + 1 }) > device);
  const larger = 5_900 * MIB;
  const { context } = fit(llama3, whole, larger);
  assert.ok(context > 0 && context < 8_192);
  assert.ok(total({ context, gpuLayers: layerCount(llama3) }) <= larger && total({ context: context + 256, gpuLayers: layerCount(llama3) }) > larger);
});

test('a large device takes all of it, with all the context it was trained with; one without room takes none', () => {
  assert.deepEqual(fit(llama3, whole, 80 * 1_024 * MIB), { verdict: 'whole', gpuLayers: 33, context: 8_192 });
  assert.deepEqual(fit(llama3, whole, 100 * MIB), { verdict: 'none', gpuLayers: 0, context: 0 });
});
