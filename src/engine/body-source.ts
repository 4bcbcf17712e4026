/** Where the items of a map come from: memory while they are few, else chunks in the database of which two are held. */
import type { Json } from '../contract/endpoint.ts';
import type { Core } from './core.ts';
import type { Live } from './live.ts';
import { patiently } from './patient.ts';

/** Items a chunk. */
export const CHUNK = 500;
const CHUNKS_HELD = 2;

export function rowItems(items: readonly Json[]): (index: number) => Json {
  return (index) => items[index] ?? null;
}

/** A promise while the chunk is being read: ask again then. */
export function storedItems(core: Core, live: Live, path: string, generation: number): (index: number) => Json | Promise<Json> {
  const held = new Map<number, readonly Json[]>();
  return (index) => {
    const chunk = Math.floor(index / CHUNK);
    const present = held.get(chunk);
    if (present !== undefined) return present[index % CHUNK] ?? null;
    return patiently(core, () => core.store.readStepItems({ instanceId: live.id, path, generation, chunk })).then((items) => {
      for (const oldest of held.keys()) if (held.size >= CHUNKS_HELD) held.delete(oldest);
      held.set(chunk, items);
      return items[index % CHUNK] ?? null;
    });
  };
}
