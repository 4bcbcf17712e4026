/** The shape of a model of safetensors, from the config.json beside them: what an estimate reckons with. Pure; weights are spread evenly over the layers. */
import * as z from 'zod';
import type { ModelShape } from './gguf-shape.ts';

const count = z.int().min(0).max(100_000_000);
const config = z.object({
  model_type: z.string().max(64).optional(),
  num_hidden_layers: z.int().min(1).max(10_000),
  hidden_size: count,
  num_attention_heads: z.int().min(1).max(100_000),
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  vocab_size: count.default(0),
  max_position_embeddings: count.default(2_048),
  tie_word_embeddings: z.boolean().default(false),
  sliding_window: count.nullish(),
  layer_types: z.array(z.string().max(64)).max(10_000).nullish(),
});

/** @param weightBytes of all weight files  @returns undefined when `json` describes no model of layers */
export function shapeOfConfig(json: unknown, weightBytes: number): { readonly architecture: string | null; readonly shape: ModelShape } | undefined {
  // Models that see and hear keep what they read with one level down.
  const inner = typeof json === 'object' && json !== null && 'text_config' in json ? json.text_config : json;
  const parsed = config.safeParse(inner);
  if (!parsed.success) return undefined;
  const facts = parsed.data;
  const layers = facts.num_hidden_layers;
  const headLength = facts.head_dim ?? Math.floor(facts.hidden_size / facts.num_attention_heads);
  // Two bytes an element, as most are published.
  const embeddings = Math.min(facts.vocab_size * facts.hidden_size * 2, Math.floor(weightBytes / 4));
  const outside = facts.tie_word_embeddings ? embeddings : 2 * embeddings;
  const each = Math.floor((weightBytes - outside) / layers);
  const window = facts.sliding_window ?? 0;
  const sliding = facts.layer_types?.map((type) => type === 'sliding_attention');
  const isWindowed = window > 0 && window < facts.max_position_embeddings && sliding?.length === layers;
  return {
    architecture: facts.model_type ?? null,
    shape: {
      ...(isWindowed ? { window: { tokens: window, layers: sliding, keyLength: headLength, valueLength: headLength } } : {}),
      contextLength: facts.max_position_embeddings,
      embeddingLength: facts.hidden_size,
      vocabulary: facts.vocab_size,
      heads: facts.num_attention_heads,
      kvHeads: Array.from({ length: layers }, () => facts.num_key_value_heads ?? facts.num_attention_heads),
      keyLength: headLength,
      valueLength: headLength,
      layerBytes: Array.from({ length: layers }, () => each),
      inputBytes: embeddings,
      outputBytes: embeddings,
      recurrentBytes: 0,
    },
  };
}
