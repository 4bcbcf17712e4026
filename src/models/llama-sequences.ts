/** The sequences of a context: each answers one request at a time; who comes when all are busy waits in line. A request gets the free sequence
 *  that remembers most of its prompt, so that a conversation that goes on is not read again. Runs in the llama child. */
import type { LlamaContextSequence, Token } from 'node-llama-cpp';

export interface SequencePool {
  /** Runs `work` with a sequence. @throws the signal's reason when it aborts before one is free */
  use<T>(prompt: readonly Token[], signal: AbortSignal, work: (sequence: LlamaContextSequence) => Promise<T>): Promise<T>;
}

interface Waiter {
  readonly prompt: readonly Token[];
  take(sequence: LlamaContextSequence): void;
}

export function createSequencePool(sequences: readonly LlamaContextSequence[]): SequencePool {
  const free = [...sequences];
  const waiting: Waiter[] = [];

  function acquire(prompt: readonly Token[], signal: AbortSignal): Promise<LlamaContextSequence> {
    signal.throwIfAborted();
    const best = takeBest(free, prompt);
    if (best !== undefined) return Promise.resolve(best);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        prompt,
        take(sequence) {
          signal.removeEventListener('abort', leave);
          resolve(sequence);
        },
      };
      const leave = (): void => {
        waiting.splice(waiting.indexOf(waiter), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      waiting.push(waiter);
    });
  }

  return {
    async use(prompt, signal, work) {
      const sequence = await acquire(prompt, signal);
      try {
        return await work(sequence);
      } finally {
        const next = waiting.shift();
        if (next === undefined) free.push(sequence);
        else next.take(sequence);
      }
    },
  };
}

function takeBest(free: LlamaContextSequence[], prompt: readonly Token[]): LlamaContextSequence | undefined {
  let best = -1;
  let bestLength = -1;
  for (const [index, sequence] of free.entries()) {
    const length = sharedLength(sequence.contextTokens, prompt);
    // Of two that share nothing the one that remembers least goes first: the other's memory may serve its own conversation.
    const score = length > 0 ? length : -sequence.nextTokenIndex / 1e9;
    if (best === -1 || score > bestLength) [best, bestLength] = [index, score];
  }
  return best === -1 ? undefined : free.splice(best, 1)[0];
}

function sharedLength(a: readonly Token[], b: readonly Token[]): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}
