/** What to ask the ledger for a GGUF model, and how to load it with what it grants: best first. All layers on one device, else over several, else with
 *  a shorter context, else as many layers as fit, else in main memory. Pure. What the model's settings name is not changed, only what they leave open. */
import type { ModelRecord } from '../store/models.ts';
import { llamaSettings, type LlamaSettings } from '../contract/model-settings.ts';
import type { Need, Rooms } from './driver.ts';
import { estimate, fit, layerCount, type LoadPlan } from './estimate.ts';
import type { ModelShape } from './gguf-shape.ts';

export interface LlamaChoice {
  readonly need: Need;
  readonly plan: LoadPlan;
}

/** Tokens of a sequence where nobody says: enough for a conversation, and a card holds more than one model. */
const DEFAULT_CONTEXT = 8_192;
/** Below this a conversation forgets its own beginning. */
const LEAST_CONTEXT = 2_048;
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
  const shorter = settings.contextLength === undefined ? shorterContext(shape, plan, most) : undefined;
  const layers = settings.gpuLayers === undefined ? fit(shape, plan, most / MARGIN).gpuLayers : 0;
  return [
    ...(whole.need.vramBytes <= most ? [whole] : []),
    ...(whole.need.vramBytes > most ? spread(shape, plan, rooms) : []),
    ...(whole.need.vramBytes > most && shorter !== undefined ? [shorter] : []),
    ...(layers > 0 && layers < plan.gpuLayers ? [choiceOf(shape, { ...plan, gpuLayers: layers })] : []),
    // Layers that were named and fit nowhere: the ledger refuses, naming the largest that could be.
    settings.gpuLayers === undefined ? inMemory : whole,
  ];
}

function choiceOf(shape: ModelShape, plan: LoadPlan): LlamaChoice {
  const { vram, memory } = estimate(shape, plan);
  return { plan, need: { gpus: 0, vramBytes: Math.ceil(vram.total * MARGIN), cpu: 0, memoryBytes: hostBytes(memory.total) } };
}

/** Layers over the fewest devices that hold them, the same on each: llama.cpp splits by layers. */
function spread(shape: ModelShape, plan: LoadPlan, { deviceBytes }: Rooms): readonly LlamaChoice[] {
  const { vram, memory } = estimate(shape, plan);
  const shared = vram.weights + vram.cache;
  const largestLayer = Math.max(...shape.layerBytes, shape.outputBytes);
  for (let count = 2; count <= deviceBytes.length; count++) {
    const each = Math.ceil((shared / count + largestLayer + vram.compute + vram.runtime) * MARGIN);
    if (each <= (deviceBytes[count - 1] ?? 0)) return [{ plan, need: { gpus: count, vramBytes: each, cpu: 0, memoryBytes: hostBytes(memory.total) } }];
  }
  return [];
}

function shorterContext(shape: ModelShape, plan: LoadPlan, most: number): LlamaChoice | undefined {
  const context = fit(shape, { ...plan, gpuLayers: layerCount(shape) }, most / MARGIN).context;
  return context < LEAST_CONTEXT ? undefined : choiceOf(shape, { ...plan, context: Math.min(plan.context, context) });
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
