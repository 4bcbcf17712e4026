/** The hash of a file of ours, reckoned in a thread of its own. */
import { Worker } from 'node:worker_threads';
import type { HashReply, HashWork } from './hash-worker.ts';

/** @param options.onRead told now and then how many bytes are done  @throws the system's error; the signal's reason */
export function hashFile(
  path: string,
  options: { readonly git?: boolean; readonly signal?: AbortSignal; readonly onRead?: (bytes: number) => void } = {},
): Promise<{ readonly sha256: string; readonly gitSha1: string | null }> {
  return new Promise((resolve, reject) => {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const work: HashWork = { path, git: options.git ?? false };
    const thread = new Worker(new URL(`./hash-worker.${extension}`, import.meta.url), { workerData: work, env: {} });
    const abort = (): void => {
      void thread.terminate();
      reject(options.signal?.reason);
    };
    if (options.signal?.aborted === true) return abort();
    options.signal?.addEventListener('abort', abort, { once: true });
    thread.on('message', (reply: HashReply) => {
      if ('read' in reply) return options.onRead?.(reply.read);
      resolve(reply);
    });
    thread.once('error', reject);
    thread.once('exit', () => {
      options.signal?.removeEventListener('abort', abort);
      reject(new Error(`the thread that hashes ${path} ended without a word`));
    });
  });
}
