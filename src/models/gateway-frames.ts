/** Events of an answer as server-sent events, at the pace of their reader: comments while a model loads, a sign of life when nothing else
 *  comes. The status of the response is decided by the first event: a refusal before it is a plain error. */
import type { Clock } from '../kernel/clock.ts';

/** Proxies commonly cut what is silent for 30 to 60 s. */
const ALIVE_MS = 15_000;

export interface Frames {
  /** Texts of frames, without the blank line at their end. */
  readonly frames: AsyncGenerator<string>;
  /** The frame of a fault in the middle. */
  faultFrame(error: unknown): string;
  /** Called once, whichever way it ends: also when the reader goes away. */
  onEnd(): void;
  readonly clock: Clock;
}

/** Waits for the first frame, or for 15 s. @throws the fault that came instead of it */
export async function openFrames(parts: Frames): Promise<ReadableStream<Uint8Array>> {
  const { frames, clock } = parts;
  let pending: Promise<IteratorResult<string>> | undefined = frames.next();
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    parts.onEnd();
  };
  /** The next frame; undefined: none came in time. */
  const next = async (): Promise<IteratorResult<string> | undefined> => {
    pending ??= frames.next();
    const late = Promise.withResolvers<undefined>();
    const cancel = clock.after(ALIVE_MS, () => late.resolve(undefined));
    try {
      const result = await Promise.race([pending, late.promise]);
      if (result !== undefined) pending = undefined;
      return result;
    } finally {
      cancel();
    }
  };
  let first: IteratorResult<string> | undefined;
  try {
    first = await next();
  } catch (error) {
    end();
    throw error;
  }
  let hasFirst = true;
  return new ReadableStream<Uint8Array>(
    {
      // Called when the reader has taken what there was: a slow one slows the model down, and holds nothing in memory.
      async pull(controller) {
        try {
          const result = hasFirst ? first : await next();
          hasFirst = false;
          if (result === undefined) return controller.enqueue(Buffer.from(': still here\n\n'));
          if (result.done !== true) return controller.enqueue(Buffer.from(`${result.value}\n\n`));
        } catch (error) {
          if (!isOver) controller.enqueue(Buffer.from(`${parts.faultFrame(error)}\n\n`));
        }
        if (!isOver) controller.close();
        end();
      },
      async cancel() {
        end();
        // It ends by the signal that `onEnd` aborts; nobody hears how.
        pending?.catch(() => undefined);
        await frames.return(undefined).catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
