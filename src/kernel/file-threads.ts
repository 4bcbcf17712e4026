/** The threads that file calls run on. A call to a volume that hangs holds one until the volume answers, and four (what there are by default) are gone
 *  with the first few calls: then no disk at all can be asked. Call it before anything touches a file. */
import { stat } from 'node:fs';

/** 12 KiB of memory each; more than the calls that the parts of Studio make at once, uploads and downloads of a few people included. */
const THREADS = '32';

/** Starts them, unless the environment says how many. Children keep their own number. */
export function startFileThreads(): void {
  const name = 'UV_THREADPOOL_SIZE';
  if (process.env[name] !== undefined) return;
  process.env[name] = THREADS;
  // Read once, when the first call is handed over.
  stat('/', () => undefined);
  delete process.env[name];
}
