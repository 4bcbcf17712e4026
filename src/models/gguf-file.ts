/** Reads the header of a GGUF file that lies on disk, or anywhere else from where its first bytes can be had. Brings no more than the header needs. */
import { open } from 'node:fs/promises';
import { factsOf, type ModelFacts } from './gguf-shape.ts';
import { MAX_HEADER_BYTES, parseGguf, type Gguf } from './gguf.ts';

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

/** @throws GgufError; faults of the file system */
export async function readFacts(path: string): Promise<ModelFacts> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const read = async (count: number): Promise<Buffer> => {
      const buffer = Buffer.alloc(count);
      const { bytesRead } = await handle.read(buffer, 0, count, 0);
      return buffer.subarray(0, bytesRead);
    };
    return factsOf(await readGguf(read, size));
  } finally {
    await handle.close();
  }
}
