/** What a model is made of, from its header: what the catalogue shows and an estimate reckons with. Pure. Kept as JSON with the model. */
import { cacheShapeOf, perLayer, type WindowShape } from './gguf-cache.ts';
import { fileTypes } from './gguf-types.ts';
import { GgufError, type Gguf } from './gguf.ts';

/** Bytes and counts of the parts of a model. */
export interface ModelShape {
  /** What it was trained with, in tokens. */
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly vocabulary: number;
  readonly heads: number;
  /** Of keys and values, one number a layer; 0: the layer keeps no cache of its own. */
  readonly kvHeads: readonly number[];
  /** Absent: every layer looks back over the whole context. */
  readonly window?: WindowShape;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Weights of each repeating layer. */
  readonly layerBytes: readonly number[];
  /** Token embeddings: they stay in main memory. */
  readonly inputBytes: number;
  /** Output matrix and norm: one more layer to put on a device. */
  readonly outputBytes: number;
  /** Layers that keep a state of fixed size, one a layer; absent: those without heads. */
  readonly recurrent?: readonly boolean[];
  /** That state of a sequence in each such layer. */
  readonly recurrentBytes: number;
}

export interface ModelFacts {
  readonly architecture: string;
  readonly quantisation: string | null;
  readonly parameters: number;
  readonly contextLength: number | null;
  /** Null: no model of layers (a projector, an adapter). */
  readonly shape: ModelShape | null;
}

/** Layers beyond this are no model. */
const MAX_LAYERS = 10_000;

/** @throws GgufError when the metadata that every model has are missing or absurd */
export function factsOf(gguf: Gguf): ModelFacts {
  const architecture = gguf.metadata.get('general.architecture');
  if (typeof architecture !== 'string' || !/^[A-Za-z0-9_.-]{1,64}$/.test(architecture))
    throw new GgufError('general.architecture does not say what the model is');
  const fileType = gguf.metadata.get('general.file_type');
  const parameters = gguf.tensors.reduce((sum, tensor) => sum + tensor.dimensions.reduce((product, dimension) => product * dimension, 1), 0);
  const shape = shapeOf(gguf, architecture);
  return {
    architecture,
    quantisation: (typeof fileType === 'number' ? fileTypes.get(fileType) : undefined) ?? mostUsedType(gguf),
    parameters,
    contextLength: shape?.contextLength ?? null,
    shape,
  };
}

/** The type that most bytes have. */
function mostUsedType(gguf: Gguf): string | null {
  const bytes = new Map<string, number>();
  for (const tensor of gguf.tensors) bytes.set(tensor.type, (bytes.get(tensor.type) ?? 0) + tensor.bytes);
  return [...bytes].toSorted((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

function shapeOf(gguf: Gguf, architecture: string): ModelShape | null {
  const number = (name: string): number | undefined => {
    const value = gguf.metadata.get(`${architecture}.${name}`);
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  const layers = number('block_count');
  const embeddingLength = number('embedding_length');
  if (layers === undefined || embeddingLength === undefined) return null;
  if (!Number.isInteger(layers) || layers === 0 || layers > MAX_LAYERS)
    throw new GgufError(`${architecture}.block_count is ${layers}; 1 to ${MAX_LAYERS} layers are meant`);
  const headsPerLayer = perLayer(gguf.metadata.get(`${architecture}.attention.head_count`), layers);
  const heads = Math.max(0, ...(headsPerLayer ?? [0]));
  const headLength = heads === 0 ? 0 : embeddingLength / heads;
  const contextLength = Math.floor(number('context_length') ?? 2_048);
  const keyLength = number('attention.key_length') ?? headLength;
  const valueLength = number('attention.value_length') ?? headLength;
  return {
    contextLength,
    embeddingLength,
    vocabulary: vocabularyOf(gguf, number('vocab_size')),
    heads,
    keyLength,
    valueLength,
    ...cacheShapeOf(gguf, { architecture, layers, heads: headsPerLayer, keyLength, valueLength, contextLength, embeddingLength, number }),
    ...weightsOf(gguf, layers),
  };
}

function vocabularyOf(gguf: Gguf, said: number | undefined): number {
  const tokens = gguf.metadata.get('tokenizer.ggml.tokens');
  if (typeof tokens === 'object') return tokens.length;
  return said ?? gguf.tensors.find((tensor) => tensor.name === 'token_embd.weight')?.dimensions[1] ?? 0;
}

function weightsOf(gguf: Gguf, layers: number): Pick<ModelShape, 'layerBytes' | 'inputBytes' | 'outputBytes'> {
  const layerBytes = Array.from({ length: layers }, () => 0);
  let inputBytes = 0;
  let outputBytes = 0;
  let hasOutput = false;
  for (const { name, bytes } of gguf.tensors) {
    const layer = Number(/^blk\.(\d{1,5})\./.exec(name)?.[1] ?? Number.NaN);
    if (layer < layers) layerBytes[layer] = (layerBytes[layer] ?? 0) + bytes;
    else if (/^(token_embd|token_types|position_embd|per_layer_token_embd)/.test(name)) inputBytes += bytes;
    else outputBytes += bytes;
    hasOutput ||= name === 'output.weight';
  }
  // Tied: the embeddings are copied to the device to serve as the output matrix.
  const tied = hasOutput ? 0 : (gguf.tensors.find((tensor) => tensor.name === 'token_embd.weight')?.bytes ?? 0);
  return { layerBytes, inputBytes, outputBytes: outputBytes + tied };
}
