/** A thread that hashes one file and ends: tens of GB keep a core busy for a minute, which must not be that of the main thread.
 *  Says how far it is about once a second. `git`: the hash of git's blob, as hubs give it for small files. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';

export interface HashWork {
  readonly path: string;
  readonly git: boolean;
}
export type HashReply = { readonly read: number } | { readonly sha256: string; readonly gitSha1: string | null };

/** Large reads: the volume may be slow to answer. */
const READ_BYTES = 4 * 1024 * 1024;
const TELL_BYTES = 512 * 1024 * 1024;

async function hash(work: HashWork, tell: (reply: HashReply) => void): Promise<void> {
  const sha256 = createHash('sha256');
  const sha1 = work.git ? createHash('sha1').update(`blob ${(await stat(work.path)).size}\0`) : undefined;
  let read = 0;
  let told = 0;
  for await (const chunk of createReadStream(work.path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>) {
    sha256.update(chunk);
    sha1?.update(chunk);
    read += chunk.length;
    if (read - told < TELL_BYTES) continue;
    told = read;
    tell({ read });
  }
  tell({ sha256: sha256.digest('hex'), gitSha1: sha1?.digest('hex') ?? null });
}

const port = parentPort;
if (port !== null) await hash(workerData as HashWork, (reply) => port.postMessage(reply));
