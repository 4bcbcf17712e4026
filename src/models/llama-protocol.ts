/** What Studio and a llama child say to each other, over models/frames. Types alone. */
import type { ErrorCode } from '../contract/error.ts';
import type { ChatCall, Piece, TextCall, Usage } from './engine.ts';

/** How a file is to be loaded: everything is decided by Studio, the child fits nothing by itself. */
export interface LlamaLoad {
  readonly path: string;
  /** Tokens of each sequence. */
  readonly contextLength: number;
  /** Sequences at once. */
  readonly parallel: number;
  readonly gpu: 'cuda' | 'vulkan' | false;
  /** Repeating layers, and one for the output; 0: all in main memory. */
  readonly gpuLayers: number;
  readonly threads: number;
  readonly batchSize?: number | undefined;
  readonly flashAttention?: boolean | undefined;
  readonly cacheType?: 'f32' | 'f16' | 'q8_0' | 'q4_0' | undefined;
  /** Jinja; undefined: the one in the file. */
  readonly chatTemplate?: string | undefined;
}

/** What came of a load. */
export interface LlamaFacts {
  readonly contextLength: number;
  readonly parallel: number;
  readonly gpuLayers: number;
  /** It makes vectors, and no text. */
  readonly isEmbedding: boolean;
  readonly vectorSize: number;
  readonly gpu: LlamaLoad['gpu'];
}

export type ToLlama =
  | { readonly kind: 'load'; readonly load: LlamaLoad }
  | { readonly kind: 'chat'; readonly id: number; readonly call: ChatCall }
  | { readonly kind: 'complete'; readonly id: number; readonly call: TextCall }
  | { readonly kind: 'embed'; readonly id: number; readonly texts: readonly string[]; readonly dimensions?: number | undefined }
  | { readonly kind: 'cancel'; readonly id: number };

export type FromLlama =
  /** Of the load, 0 to 1. */
  | { readonly kind: 'progress'; readonly value: number }
  | { readonly kind: 'loaded'; readonly facts: LlamaFacts }
  | { readonly kind: 'unloadable'; readonly message: string }
  | { readonly kind: 'piece'; readonly id: number; readonly piece: Piece }
  /** Of the next text: 32-bit floats, base64. */
  | { readonly kind: 'vector'; readonly id: number; readonly values: string }
  | { readonly kind: 'end'; readonly id: number; readonly usage: Usage }
  /** With a code: the caller can act. */
  | { readonly kind: 'failed'; readonly id: number; readonly code?: ErrorCode | undefined; readonly message: string };
