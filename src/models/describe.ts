/** What a set of files is: its format, and what their headers say of the model. Refuses a GGUF that an engine must not see. */
import { readFile } from 'node:fs/promises';
import type { Json } from '../contract/endpoint.ts';
import type { ModelRecord } from '../store/models.ts';
import { shapeOfConfig } from './config-shape.ts';
import { readFacts } from './gguf-file.ts';
import { isModelGguf } from './hugging-face.ts';

export type Description = Pick<ModelRecord, 'format' | 'architecture' | 'quantisation' | 'parameters' | 'contextLength' | 'shape' | 'bytes'>;

interface NamedFile {
  readonly name: string;
  readonly bytes: number;
  /** On disk. */
  readonly path: string;
  /** The path that a person gave for it, where it has one: faults say it in place of the name. */
  readonly given?: string;
}

/** Of models without files. */
export const noFiles: Description = { format: null, architecture: null, quantisation: null, parameters: null, contextLength: null, shape: null, bytes: 0 };
/** A config.json has a few KB. */
const MAX_CONFIG_BYTES = 1024 * 1024;

/** @throws GgufError */
export async function describe(files: readonly NamedFile[]): Promise<Description> {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const ggufs = files.filter((file) => isModelGguf(file.name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (ggufs.length > 0) {
    const facts = await readFacts(ggufs.map(({ name, given, path }) => ({ name: given ?? name, path })));
    return { ...facts, format: 'gguf', shape: facts.shape as unknown as Json, bytes };
  }
  const weights = files.filter((file) => file.name.endsWith('.safetensors'));
  const config = await readConfig(files);
  const known = shapeOfConfig(
    config,
    weights.reduce((sum, file) => sum + file.bytes, 0),
  );
  return {
    ...noFiles,
    format: weights.length > 0 ? 'safetensors' : 'other',
    architecture: known?.architecture ?? null,
    contextLength: known?.shape.contextLength ?? null,
    shape: (known?.shape ?? null) as unknown as Json,
    bytes,
  };
}

async function readConfig(files: readonly NamedFile[]): Promise<unknown> {
  const file = files.find((one) => one.name === 'config.json' && one.bytes <= MAX_CONFIG_BYTES);
  if (file === undefined) return undefined;
  try {
    return JSON.parse(await readFile(file.path, 'utf8')) as unknown;
  } catch {
    // Not JSON: then it says nothing, and the engine that reads it will tell.
    return undefined;
  }
}
