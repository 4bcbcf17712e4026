/** One use of a model as a stream of events: first what it waits for, then pieces of one or several answers. Holds the model while it is
 *  read, gives it back when it ends, fails or is left. Never shapes anything for a caller. */
import type { ModelEngine, Models, ModelUse, Piece } from './engine.ts';

export type AnswerEvent =
  | { readonly kind: 'wait'; readonly message: string; readonly progress: number | undefined }
  /** `index`: which of the answers. */
  | { readonly kind: 'piece'; readonly index: number; readonly piece: Piece };

export interface Answering {
  readonly models: Pick<Models, 'use'>;
  readonly name: string;
  readonly use: Omit<ModelUse, 'onWait'>;
  /** Begins the answers; each ends when the signal aborts. */
  begin(engine: ModelEngine, signal: AbortSignal): readonly AsyncIterable<Piece>[];
}

/** @throws what `models.use` throws, also for faults in the middle of an answer (it explains crashes) */
export async function* answerEvents({ models, name, use, begin }: Answering): AsyncGenerator<AnswerEvent> {
  const leave = new AbortController();
  let isOver = false;
  const signal = AbortSignal.any([use.signal, leave.signal]);
  const ready = Promise.withResolvers<ModelEngine>();
  const held = Promise.withResolvers<void>();
  const waits = createMailbox();
  const used = models.use(name, { ...use, signal, onWait: (wait) => waits.put(wait) }, (engine) => {
    ready.resolve(engine);
    return held.promise;
  });
  // Its refusal is heard below, wherever this is; nobody may be listening when it comes.
  used.catch((error: unknown) => ready.reject(error));
  ready.promise.catch(() => undefined);
  held.promise.catch(() => undefined);
  try {
    const isReady = ready.promise.then(() => undefined);
    for (;;) {
      // Serial by nature: each wait replaces the one before.
      const wait = await Promise.race([isReady, waits.next()]);
      if (wait === undefined) break;
      yield { kind: 'wait', message: wait.message, progress: wait.progress };
    }
    const answers = begin(await ready.promise, signal);
    if (answers.length === 1 && answers[0] !== undefined) for await (const piece of answers[0]) yield { kind: 'piece', index: 0, piece };
    else yield* merged(answers);
    isOver = true;
  } catch (error) {
    held.reject(error);
    // Whoever runs the model says what a fault of its engine means.
    await used;
    throw error;
  } finally {
    if (!isOver) leave.abort(LEFT);
    held.resolve();
  }
}

const LEFT = new Error('the answer is not wanted any more');

/** Pieces of several answers, in the order they come. */
async function* merged(answers: readonly AsyncIterable<Piece>[]): AsyncGenerator<AnswerEvent> {
  const iterators = answers.map((answer) => answer[Symbol.asyncIterator]());
  const next = async (index: number): Promise<{ readonly index: number; readonly result: IteratorResult<Piece> | undefined }> => ({
    index,
    result: await iterators[index]?.next(),
  });
  const pending = new Map(iterators.map((_, index) => [index, next(index)]));
  try {
    while (pending.size > 0) {
      // One at a time: whichever comes first.
      const { index, result } = await Promise.race(pending.values());
      if (result === undefined || result.done === true) pending.delete(index);
      else {
        pending.set(index, next(index));
        yield { kind: 'piece', index, piece: result.value };
      }
    }
  } finally {
    for (const [index, step] of pending) {
      step.catch(() => undefined);
      iterators[index]?.return?.().catch(() => undefined);
    }
  }
}

interface Wait {
  readonly message: string;
  readonly progress?: number | undefined;
}

/** Holds the newest message alone. */
function createMailbox(): { put(wait: Wait): void; next(): Promise<Wait> } {
  let newest: Wait | undefined;
  let arrived = Promise.withResolvers<void>();
  return {
    put(wait) {
      newest = wait;
      arrived.resolve();
    },
    async next() {
      await arrived.promise;
      arrived = Promise.withResolvers();
      const wait = newest ?? { message: 'waiting' };
      newest = undefined;
      return wait;
    },
  };
}
