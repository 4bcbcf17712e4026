/** Reads the header of a GGUF file that lies on disk, or anywhere else from where its first bytes can be had. Brings no more than the header needs. */
import { open } from 'node:fs/promises';
import { factsOf, type ModelFacts } from './gguf-shape.ts';
import { GgufError, MAX_HEADER_BYTES, parseGguf, type Gguf } from './gguf.ts';

/** Enough for a header without a large vocabulary. */
const FIRST_BYTES = 1024 * 1024;

/** @param read gives the first `count` bytes of the file, whole  @throws GgufError; what `read` throws */
export async function readGguf(read: (count: number) => Promise<Buffer>, fileBytes: number): Promise<Gguf> {
  for (let wanted = FIRST_BYTES; ;) {
    // Serial: how much is needed is told by what is there.
    const parsed = parseGguf(await read(Math.min(wanted, fileBytes)), fileBytes);
    if (!('needs' in parsed)) return parsed;
    wanted = Math.min(MAX_HEADER_BYTES, Math.max(parsed.needs, wanted * 2));
  }
}

/** What the files of one model say, its parts (`-00001-of-00003`) in order. `name`: what people know the file by; faults say it.
 *  @throws GgufError that names the file; faults of the file system */
export async function readFacts(files: readonly { readonly name: string; readonly path: string }[]): Promise<ModelFacts> {
  const parts = await Promise.all(
    files.map(async ({ name, path }) => {
      try {
        return await readOne(path);
      } catch (error) {
        throw error instanceof GgufError ? new GgufError(`${name}: ${error.message}`, { cause: error }) : error;
      }
    }),
  );
  const [first] = parts;
  if (first === undefined) throw new GgufError('there is no file');
  return factsOf({ ...first, tensors: parts.flatMap((part) => part.tensors) });
}

async function readOne(path: string): Promise<Gguf> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const read = async (count: number): Promise<Buffer> => {
      const buffer = Buffer.alloc(count);
      const { bytesRead } = await handle.read(buffer, 0, count, 0);
      return buffer.subarray(0, bytesRead);
    };
    return await readGguf(read, size);
  } finally {
    await handle.close();
  }
}
