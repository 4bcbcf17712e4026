/** What to ask the ledger for a GGUF model, and how to load it with what it grants: best first. All layers on one device, else over several, else with
 *  a shorter context, else as many layers as fit, else in main memory. Pure. What the model's settings name is not changed, unless they name a least, too. */
import { llamaSettings, type LlamaSettings } from '../contract/model-settings.ts';
import type { Need } from '../gpu/tenants.ts';
import type { Rooms } from './driver.ts';
import { estimate, layerCount, type LoadPlan } from './estimate.ts';
import type { ModelShape } from './gguf-shape.ts';
import type { ModelRecord } from '../store/models.ts';

export interface LlamaChoice {
  readonly need: Need;
  readonly plan: LoadPlan;
}

/** Tokens of a sequence where nobody says: enough for a conversation, and a card holds more than one model. */
const DEFAULT_CONTEXT = 8_192;
/** Below this a conversation forgets its own beginning. */
const LEAST_CONTEXT = 2_048;
/** Lengths and numbers of layers that are tried: what lies between two of them is what a load may take less than it could. */
const STEPS = 32;
/** Contexts are multiples of this. */
const CELLS = 256;
/** Answers at once where nobody says: an agent and a chat do not wait for each other. */
const DEFAULT_PARALLEL = 4;
/** An estimate is a few percent off: what a load takes beyond its lease another tenant misses. */
const MARGIN = 1.05;
/** The process itself, beside the weights: Node, llama.cpp, a vocabulary. */
const PROCESS_BYTES = 96 * 1024 * 1024;
/** Without a header that says more. */
const UNKNOWN_FACTOR = 1.2;

/** How a model is loaded where its settings leave it open. */
export function planOf(shape: ModelShape, settings: LlamaSettings): LoadPlan {
  return {
    context: settings.contextLength ?? Math.min(shape.contextLength, DEFAULT_CONTEXT),
    parallel: settings.parallel ?? DEFAULT_PARALLEL,
    gpuLayers: Math.min(settings.gpuLayers ?? Infinity, layerCount(shape)),
    cacheType: settings.cacheType ?? 'f16',
    flashAttention: settings.flashAttention ?? true,
  };
}

/** The ways to load a model, best first; never empty. */
export function chooseLoads(model: Pick<ModelRecord, 'shape' | 'settings' | 'bytes' | 'contextLength'>, rooms: Rooms): readonly LlamaChoice[] {
  const settings = llamaSettings.parse(model.settings);
  const shape = model.shape as unknown as ModelShape | null;
  if (shape === null) return [unknownShape(model, settings)];
  const plan = planOf(shape, settings);
  const [most = 0] = rooms.deviceBytes;
  const inMemory = choiceOf(shape, { ...plan, gpuLayers: 0 });
  if (most === 0 || plan.gpuLayers === 0) return [inMemory];
  const whole = choiceOf(shape, plan);
  const leastLayers = Math.min(settings.minGpuLayers ?? settings.gpuLayers ?? 0, plan.gpuLayers);
  const possible = [
    whole,
    ...contextSteps(plan, settings).map((context) => choiceOf(shape, { ...plan, context })),
    ...layerSteps(plan, leastLayers).map((gpuLayers) => choiceOf(shape, { ...plan, gpuLayers })),
  ].filter(({ need }) => need.vramBytes <= most);
  const [first, ...others] = possible;
  const spreads = spread(shape, plan, rooms);
  const ways = first?.plan === whole.plan ? [first, ...spreads, ...others] : [...spreads, ...possible];
  if (leastLayers === 0) return [...ways, inMemory];
  // Layers that were named and fit nowhere: the ledger refuses, naming the largest that could be.
  return ways.length === 0 ? [whole] : ways;
}

/** Shorter contexts down to the least, longest first. */
function contextSteps(plan: LoadPlan, settings: LlamaSettings): readonly number[] {
  const least = Math.min(plan.context, settings.minContextLength ?? settings.contextLength ?? LEAST_CONTEXT);
  const lengths = Array.from({ length: STEPS - 1 }, (_, step) => plan.context - Math.round(((step + 1) * (plan.context - least)) / (STEPS - 1)));
  return distinct(lengths.map((length) => Math.max(least, Math.floor(length / CELLS) * CELLS)).filter((length) => length < plan.context));
}

/** Fewer layers down to the least but one, most first. */
function layerSteps(plan: LoadPlan, least: number): readonly number[] {
  const from = plan.gpuLayers - 1;
  const to = Math.max(1, least);
  if (from < to) return [];
  const count = Math.min(STEPS, from - to + 1);
  return distinct(Array.from({ length: count }, (_, step) => (count === 1 ? from : from - Math.round((step * (from - to)) / (count - 1)))));
}

function distinct(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)];
}

function choiceOf(shape: ModelShape, plan: LoadPlan): LlamaChoice {
  return { plan, need: needOf(shape, plan) };
}

/** What a plan asks of one device and of the machine. */
export function needOf(shape: ModelShape, plan: LoadPlan): Need {
  const { vram, memory } = estimate(shape, plan);
  return { gpus: 0, vramBytes: Math.ceil(vram.total * MARGIN), cpu: 0, memoryBytes: hostBytes(memory.total) };
}

/** Layers over several devices, the fewest first, the same on each: llama.cpp splits by layers. */
function spread(shape: ModelShape, plan: LoadPlan, { deviceBytes }: Rooms): readonly LlamaChoice[] {
  const { vram, memory } = estimate(shape, plan);
  const shared = vram.weights + vram.cache;
  const largestLayer = Math.max(...shape.layerBytes, shape.outputBytes);
  return deviceBytes.slice(1).flatMap((room, index) => {
    const count = index + 2;
    const each = Math.ceil((shared / count + largestLayer + vram.compute + vram.runtime) * MARGIN);
    return each > room ? [] : [{ plan, need: { gpus: count, vramBytes: each, cpu: 0, memoryBytes: hostBytes(memory.total) } }];
  });
}

function unknownShape(model: Pick<ModelRecord, 'bytes' | 'contextLength'>, settings: LlamaSettings): LlamaChoice {
  const plan: LoadPlan = {
    context: settings.contextLength ?? Math.min(model.contextLength ?? DEFAULT_CONTEXT, DEFAULT_CONTEXT),
    parallel: settings.parallel ?? DEFAULT_PARALLEL,
    gpuLayers: 0,
    cacheType: settings.cacheType ?? 'f16',
    flashAttention: settings.flashAttention ?? true,
  };
  return { plan, need: { gpus: 0, vramBytes: 0, cpu: 0, memoryBytes: PROCESS_BYTES + Math.ceil(model.bytes * UNKNOWN_FACTOR) } };
}

/** Main memory: what a lease says of it keeps jobs from being promised the same. */
function hostBytes(bytes: number): number {
  return PROCESS_BYTES + Math.ceil(bytes * MARGIN);
}
