/** Which layers of a model keep what: a cache of the whole context, of a window of it, a state of fixed size, or nothing of their own. Pure.
 *  The rules are llama.cpp's (llama_model::load_hparams, llama_kv_cache_iswa, llama_memory_recurrent), as node-llama-cpp's GgufInsights restates them.
 *  One thing to know: what is not known here counts with the whole context: an estimate may be too large, never too little. */
import type { Gguf, GgufValue } from './gguf.ts';

/** Layers that look back no further than a window. */
export interface WindowShape {
  readonly tokens: number;
  /** One a layer. */
  readonly layers: readonly boolean[];
  readonly keyLength: number;
  readonly valueLength: number;
}

export interface CacheShape {
  /** Of keys and values, one number a layer; 0: the layer keeps no cache of its own. */
  readonly kvHeads: readonly number[];
  readonly window?: WindowShape;
  /** Layers with a state of fixed size, one a layer. */
  readonly recurrent: readonly boolean[];
  /** That state of a sequence in one layer. */
  readonly recurrentBytes: number;
}

/** Heads of a layer, and widths of a network: more is no model. */
const MAX_COUNT = 100_000_000;

/** Where no list says it: every n-th layer looks back over all, the last of each n or, with `first`, the first. */
const PATTERNS: Readonly<Record<string, { readonly every: number; readonly isFirst?: boolean }>> = {
  afmoe: { every: 4 },
  cohere2: { every: 4 },
  'exaone-moe': { every: 4 },
  gemma2: { every: 2 },
  gemma3: { every: 6 },
  gemma3n: { every: 5 },
  'gpt-oss': { every: 2 },
  llama4: { every: 4 },
  olmo2: { every: 4 },
  plamo3: { every: 8 },
  smallthinker: { every: 4, isFirst: true },
};
/** Hybrids whose every layer has a cache and a state. */
const BOTH = new Set(['falcon-h1']);
/** Every layer is a state: no attention at all. */
const RECURRENT = new Set(['mamba', 'mamba2', 'rwkv6', 'rwkv6qwen2', 'rwkv7', 'arwkv7']);
/** Hybrids that name how often full attention comes. */
const INTERVAL = new Set(['qwen3next', 'qwen35', 'qwen35moe']);

interface Facts {
  readonly architecture: string;
  readonly layers: number;
  readonly heads: readonly number[] | undefined;
  readonly keyLength: number;
  readonly valueLength: number;
  readonly contextLength: number;
  readonly embeddingLength: number;
  /** A number of the architecture's metadata that is finite and not below 0. */
  number(name: string): number | undefined;
}

export function cacheShapeOf(gguf: Gguf, facts: Facts): CacheShape {
  const { architecture, layers, number } = facts;
  const value = (name: string): GgufValue | undefined => gguf.metadata.get(`${architecture}.${name}`);
  const named = perLayer(value('attention.head_count_kv'), layers);
  const kvHeads = named ?? facts.heads ?? Array.from({ length: layers }, () => 0);
  const recurrent = recurrentLayers(facts, {
    kvHeads,
    feedForward: perLayer(value('feed_forward_length'), layers),
    hasList: typeof value('attention.head_count_kv') === 'object',
  });
  // The last layers of some read the cache of earlier ones.
  const own = layers - Math.min(layers, Math.floor(number('attention.shared_kv_layers') ?? 0));
  const window = windowOf(facts, value('attention.sliding_window_pattern'));
  return {
    kvHeads: kvHeads.map((count, layer) => (layer >= own || (recurrent[layer] === true && !BOTH.has(architecture)) ? 0 : count)),
    recurrent,
    recurrentBytes: recurrentBytesOf(facts),
    ...(window === undefined ? {} : { window }),
  };
}

/** One number for all layers, or a list of one a layer. */
export function perLayer(value: GgufValue | undefined, layers: number): number[] | undefined {
  const sane = (item: GgufValue | undefined): number => (typeof item === 'number' && item >= 0 && item <= MAX_COUNT ? item : 0);
  if (typeof value === 'number') return Array.from({ length: layers }, () => sane(value));
  if (typeof value !== 'object' || value.items === null) return undefined;
  const { items } = value;
  return Array.from({ length: layers }, (_, layer) => sane(items[layer]));
}

function recurrentLayers(
  { architecture, layers, number }: Facts,
  { kvHeads, feedForward, hasList }: { readonly kvHeads: readonly number[]; readonly feedForward: readonly number[] | undefined; readonly hasList: boolean },
): readonly boolean[] {
  const each = (isRecurrent: (layer: number) => boolean): boolean[] => Array.from({ length: layers }, (_, layer) => isRecurrent(layer));
  if (RECURRENT.has(architecture) || BOTH.has(architecture)) return each(() => true);
  const interval = Math.floor(number('full_attention_interval') ?? 0);
  const hasGaps = hasList && kvHeads.includes(0);
  if (interval > 0 && (INTERVAL.has(architecture) || hasGaps)) return each((layer) => (layer + 1) % interval !== 0);
  // Nemotron-H has layers of neither kind: a feed-forward network alone.
  if (architecture.startsWith('nemotron_h')) return each((layer) => kvHeads[layer] === 0 && (feedForward?.[layer] ?? 0) === 0);
  return each((layer) => kvHeads[layer] === 0);
}

function windowOf(facts: Facts, pattern: GgufValue | undefined): WindowShape | undefined {
  const { architecture, layers, number, contextLength } = facts;
  const tokens = Math.floor(number('attention.sliding_window') ?? 0);
  if (tokens <= 0 || tokens >= contextLength) return undefined;
  const list = typeof pattern === 'object' && pattern.items !== null ? pattern.items.map(Boolean) : undefined;
  const known = PATTERNS[architecture];
  if (list === undefined && known === undefined) return undefined;
  const every = typeof pattern === 'number' && pattern >= 1 ? Math.floor(pattern) : (known?.every ?? 1);
  const isWindowed = (layer: number): boolean => list?.[layer] ?? (known?.isFirst === true ? layer % every !== 0 : layer % every < every - 1);
  return {
    tokens,
    layers: Array.from({ length: layers }, (_, layer) => isWindowed(layer)),
    keyLength: number('attention.key_length_swa') ?? facts.keyLength,
    valueLength: number('attention.value_length_swa') ?? facts.valueLength,
  };
}

/** The window of the convolution and the state, as floats: n_embd_r and n_embd_s of llama.cpp. */
function recurrentBytesOf({ number, embeddingLength, heads }: Facts): number {
  const of = (name: string): number => number(name) ?? 0;
  const [inner, state, kernel, groups] = [of('ssm.inner_size'), of('ssm.state_size'), of('ssm.conv_kernel'), of('ssm.group_count')];
  const wkv = of('wkv.head_size');
  // RWKV: the tokens before, and a matrix a head.
  if (wkv > 0) return 4 * embeddingLength * (of('token_shift_count') + wkv);
  const short = of('shortconv.l_cache');
  if (short > 0) return 4 * embeddingLength * Math.max(0, short - 1);
  const delta = of('kda.head_dim');
  const count = Math.max(0, ...(heads ?? [0]));
  if (delta > 0) return 4 * count * delta * (3 * (kernel > 0 ? kernel - 1 : 3) + delta);
  return inner === 0 ? 0 : 4 * (Math.max(0, kernel - 1) * (inner + 2 * groups * state) + state * inner);
}
