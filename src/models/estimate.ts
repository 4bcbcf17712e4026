/** What a model takes of a device before it is loaded: weights by layers, cache by context, the buffers of its graph. Pure.
 *  The formulas are llama.cpp's own allocations, checked against its log of known models in the test. What it can't know (fragmentation,
 *  another version's graph) is a few percent: the ledger learns the real size from the first load. */
import type { ModelShape } from './gguf-shape.ts';

/** How a model is to be loaded. */
export interface LoadPlan {
  /** Tokens of each sequence. */
  readonly context: number;
  readonly parallel: number;
  /** Of `layerCount`: the last of them go to the device first. */
  readonly gpuLayers: number;
  readonly cacheType: CacheType;
  readonly flashAttention: boolean;
}

export type CacheType = 'f32' | 'f16' | 'q8_0' | 'q4_0';

/** Bytes an element. */
const CACHE_BYTES: Readonly<Record<CacheType, number>> = { f32: 4, f16: 2, q8_0: 34 / 32, q4_0: 18 / 32 };

/** Tokens that are worked on at once (llama.cpp's n_ubatch). */
const MICRO_BATCH = 512;
/** What a CUDA process takes before it does anything: context and cuBLAS; 320 to 480 MiB on cards from Pascal to Hopper. */
const RUNTIME_BYTES = 450 * 1024 * 1024;
/** llama.cpp rounds the cells of a cache up to this. */
const CELL_STEP = 256;

export interface Estimate {
  readonly vram: { readonly weights: number; readonly cache: number; readonly compute: number; readonly runtime: number; readonly total: number };
  readonly memory: { readonly weights: number; readonly cache: number; readonly total: number };
}

/** Repeating layers and one for the output: the most that `gpuLayers` can mean. */
export function layerCount(shape: ModelShape): number {
  return shape.layerBytes.length + 1;
}

/** Bytes on the device and in main memory. */
export function estimate(shape: ModelShape, plan: LoadPlan): Estimate {
  const layers = shape.layerBytes.length;
  const onDevice = Math.min(plan.gpuLayers, layers);
  const hasOutput = plan.gpuLayers > layers;
  const first = layers - onDevice;
  const cells = Math.ceil((plan.context * plan.parallel) / CELL_STEP) * CELL_STEP;
  const weights = { device: hasOutput ? shape.outputBytes : 0, host: shape.inputBytes + (hasOutput ? 0 : shape.outputBytes) };
  const cache = { device: 0, host: 0 };
  for (let layer = 0; layer < layers; layer++) {
    const side = layer >= first ? 'device' : 'host';
    weights[side] += shape.layerBytes[layer] ?? 0;
    cache[side] += cacheBytes(shape, layer, { cells, plan });
  }
  const isUsed = plan.gpuLayers > 0;
  const vram = {
    weights: weights.device,
    cache: Math.ceil(cache.device),
    compute: isUsed ? computeBytes(shape, { cells, plan, hasOutput }) : 0,
    runtime: isUsed ? RUNTIME_BYTES : 0,
  };
  const memory = { weights: weights.host, cache: Math.ceil(cache.host) };
  return {
    vram: { ...vram, total: vram.weights + vram.cache + vram.compute + vram.runtime },
    memory: { ...memory, total: memory.weights + memory.cache },
  };
}

function cacheBytes(shape: ModelShape, layer: number, { cells, plan }: { readonly cells: number; readonly plan: LoadPlan }): number {
  const heads = shape.kvHeads[layer] ?? 0;
  const isRecurrent = shape.recurrent?.[layer] ?? heads === 0;
  const state = isRecurrent ? shape.recurrentBytes * plan.parallel : 0;
  const { window } = shape;
  const isWindowed = window?.layers[layer] === true;
  const width = isWindowed ? window.keyLength + window.valueLength : shape.keyLength + shape.valueLength;
  return state + (isWindowed ? windowCells(window.tokens, plan) : cells) * heads * width * CACHE_BYTES[plan.cacheType];
}

/** Each sequence keeps its window and what is worked on at once: llama_kv_cache_iswa's `n_swa + n_ubatch`, of which node-llama-cpp adds one. */
function windowCells(tokens: number, { context, parallel }: LoadPlan): number {
  const round = (count: number): number => Math.ceil(count / CELL_STEP) * CELL_STEP;
  return parallel * Math.min(round(context), round(tokens + MICRO_BATCH + 1));
}

/** The largest stage of the graph: the logits with the output, else the attention scores (which flash attention never writes out). */
function computeBytes(shape: ModelShape, { cells, plan, hasOutput }: { readonly cells: number; readonly plan: LoadPlan; readonly hasOutput: boolean }): number {
  const hidden = shape.embeddingLength;
  const logits = hasOutput ? shape.vocabulary + hidden : 0;
  const attention = plan.flashAttention ? cells / 2 + 4 * hidden : shape.heads * cells + cells + 4 * hidden;
  return Math.ceil(Math.max(logits, attention) * MICRO_BATCH * 4);
}

export interface Fit {
  readonly verdict: 'whole' | 'partly' | 'none';
  readonly gpuLayers: number;
  readonly context: number;
}

/** What of a plan fits into `freeBytes` of a device: the most layers with its context, and the longest context with all layers. */
export function fit(shape: ModelShape, plan: LoadPlan, freeBytes: number): Fit {
  const total = (change: Partial<LoadPlan>): number => estimate(shape, { ...plan, ...change }).vram.total;
  const gpuLayers = largest(0, layerCount(shape), (layers) => layers === 0 || total({ gpuLayers: layers }) <= freeBytes);
  const steps = Math.max(1, Math.floor(shape.contextLength / CELL_STEP));
  const most = largest(0, steps, (count) => count === 0 || total({ gpuLayers: layerCount(shape), context: count * CELL_STEP }) <= freeBytes);
  const verdict = plan.gpuLayers === 0 || gpuLayers === 0 ? 'none' : gpuLayers >= plan.gpuLayers ? 'whole' : 'partly';
  return { verdict, gpuLayers, context: most === steps ? shape.contextLength : most * CELL_STEP };
}

/** The largest number of a range for which `holds`; it holds for all below. */
function largest(from: number, to: number, holds: (value: number) => boolean): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
