import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layerCount } from './estimate.ts';
import type { ModelShape } from './gguf-shape.ts';
import { chooseLoads } from './load-plan.ts';

const GIB = 1024 ** 3;
/** Like an 8 B model of 4 bits: 4.6 GiB of weights, 128 KiB of cache a token. */
const shape: ModelShape = {
  contextLength: 131_072,
  embeddingLength: 4_096,
  vocabulary: 128_256,
  heads: 32,
  kvHeads: Array.from({ length: 32 }, () => 8),
  keyLength: 128,
  valueLength: 128,
  layerBytes: Array.from({ length: 32 }, () => 130 * 1024 ** 2),
  inputBytes: 280 * 1024 ** 2,
  outputBytes: 430 * 1024 ** 2,
  recurrentBytes: 0,
};
const model = (settings: Record<string, number> = {}) => ({ shape: shape as never, settings, bytes: 5 * GIB, contextLength: shape.contextLength });
const first = (settings: Record<string, number>, ...deviceBytes: number[]) => chooseLoads(model(settings), { deviceBytes })[0];

test('without a device it runs in main memory', () => {
  const choice = first({});
  assert.equal(choice?.plan.gpuLayers, 0);
  assert.equal(choice?.need.vramBytes, 0);
  assert.ok((choice?.need.memoryBytes ?? 0) > 8 * GIB);
});

test('a device with room takes all layers', () => {
  const choice = first({}, 24 * GIB);
  assert.equal(choice?.plan.gpuLayers, layerCount(shape));
  assert.equal(choice?.plan.context, 8_192);
  assert.equal(choice?.need.gpus, 0);
  assert.ok((choice?.need.vramBytes ?? 0) > 8 * GIB && (choice?.need.vramBytes ?? 0) < 12 * GIB);
});

test('too large for one, it is spread over the fewest that hold it', () => {
  const choice = first({}, 8 * GIB, 8 * GIB, 8 * GIB);
  assert.equal(choice?.need.gpus, 2);
  assert.ok((choice?.need.vramBytes ?? Infinity) <= 8 * GIB);
});

test('on one small device the context is shortened first, then layers stay outside, and main memory is the last way', () => {
  const [shorter, ...others] = chooseLoads(model(), { deviceBytes: [8 * GIB] });
  assert.equal(shorter?.plan.gpuLayers, layerCount(shape));
  assert.ok((shorter?.plan.context ?? 0) < 8_192 && (shorter?.plan.context ?? 0) >= 2_048);
  assert.equal(others.at(-1)?.plan.gpuLayers, 0);
  const [partly] = chooseLoads(model(), { deviceBytes: [4 * GIB] });
  assert.ok((partly?.plan.gpuLayers ?? 0) > 0 && (partly?.plan.gpuLayers ?? 0) < 32);
  for (const choice of [shorter, ...others, partly]) assert.ok((choice?.need.vramBytes ?? 0) <= 8 * GIB);
});

test('beside what could be granted stands what would do: never less than the settings name as the least', () => {
  const ways = chooseLoads(model(), { deviceBytes: [24 * GIB, 12 * GIB] });
  assert.deepEqual([ways[0]?.need.gpus, ways[1]?.need.gpus, ways.at(-1)?.plan.gpuLayers], [0, 2, 0]);
  const sizes = ways.filter(({ need }) => need.gpus === 0).map(({ need }) => need.vramBytes);
  // All layers with ever shorter contexts, then the whole context with ever fewer layers.
  assert.ok(ways.every(({ plan }) => plan.context === 8_192 || plan.gpuLayers === layerCount(shape)));
  assert.ok(sizes.length > 40 && sizes.at(-1) === 0);
  const least = chooseLoads(model({ minGpuLayers: 20, minContextLength: 8_192 }), { deviceBytes: [24 * GIB] });
  assert.deepEqual([least.at(-1)?.plan.gpuLayers, new Set(least.map(({ plan }) => plan.context)).size], [20, 1]);
  const named = chooseLoads(model({ gpuLayers: 33, contextLength: 8_192 }), { deviceBytes: [24 * GIB] });
  assert.equal(named.length, 1);
});

test('what the settings name is not changed: too much of it is for the ledger to refuse', () => {
  const choices = chooseLoads(model({ gpuLayers: 33, contextLength: 65_536 }), { deviceBytes: [8 * GIB] });
  assert.deepEqual(
    choices.map(({ plan }) => [plan.gpuLayers, plan.context]),
    [[33, 65_536]],
  );
  assert.equal(first({ gpuLayers: 0 }, 24 * GIB)?.need.vramBytes, 0);
});

test('a file whose header says little is reckoned by its size', () => {
  const [choice] = chooseLoads({ shape: null, settings: {}, bytes: GIB, contextLength: null }, { deviceBytes: [24 * GIB] });
  assert.equal(choice?.plan.gpuLayers, 0);
  assert.ok((choice?.need.memoryBytes ?? 0) > 1.2 * GIB);
});
