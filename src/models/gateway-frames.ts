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
  /** The reader went away: what makes frames is to end. */
  onLeave(): void;
  readonly clock: Clock;
}

/** What may be made ahead of a reader: then the model waits for them. */
const AHEAD_CHARS = 64 * 1024;

/** Waits for the first frame, or for 15 s. @throws the fault that came instead of it */
export async function openFrames(parts: Frames): Promise<ReadableStream<Uint8Array>> {
  const ahead = readAhead(parts);
  let first = await ahead.next();
  return new ReadableStream<Uint8Array>(
    {
      // Called when the reader has taken what there was: a slow one slows the model down, and little is held in memory.
      async pull(controller) {
        try {
          const text = first ?? (await ahead.next());
          first = undefined;
          if (text !== undefined) return controller.enqueue(Buffer.from(text));
        } catch (error) {
          if (ahead.isCancelled()) return;
          controller.enqueue(Buffer.from(`${parts.faultFrame(error)}\n\n`));
        }
        if (ahead.isCancelled()) return;
        controller.close();
      },
      async cancel() {
        // What runs ends by the signal that `onLeave` aborts; nobody hears how.
        ahead.cancel();
        parts.onLeave();
        await parts.frames.return(undefined).catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

interface Ahead {
  /** All that came since the last call, or a sign of life; undefined: it is over. @throws what `frames` threw, after all before it was handed out */
  next(): Promise<string | undefined>;
  isCancelled(): boolean;
  cancel(): void;
}

/** Takes frames as they come, a little ahead of the reader: what comes in one go leaves in one go. */
function readAhead({ frames, clock }: Frames): Ahead {
  let held = '';
  /** Settles as `frames` did. */
  let end: Promise<void> | undefined;
  let isCancelled = false;
  let takenAtMs = clock.monotonic();
  let cancelAlive = (): void => {};
  let arrived = Promise.withResolvers<void>();
  let hasRoom = Promise.withResolvers<void>();
  // One timer for many frames: it looks when the last one was taken. A reader who takes nothing needs no sign.
  const watch = (delayMs: number): void => {
    cancelAlive = clock.after(delayMs, () => {
      const leftMs = takenAtMs + ALIVE_MS - clock.monotonic();
      if (leftMs <= 0 && held === '') put(': still here');
      watch(leftMs > 0 ? leftMs : ALIVE_MS);
    });
  };
  const put = (frame: string): void => {
    held += `${frame}\n\n`;
    arrived.resolve();
  };
  const run = async (): Promise<void> => {
    try {
      for await (const frame of frames) {
        put(frame);
        if (held.length > AHEAD_CHARS) await hasRoom.promise;
        if (isCancelled) return;
      }
      end = Promise.resolve();
    } catch (error) {
      end = Promise.reject(error);
      end.catch(() => undefined);
    } finally {
      cancelAlive();
      arrived.resolve();
    }
  };
  watch(ALIVE_MS);
  void run();
  return {
    async next() {
      if (held === '' && end === undefined) await arrived.promise;
      arrived = Promise.withResolvers();
      if (held !== '') {
        const text = held;
        held = '';
        hasRoom.resolve();
        hasRoom = Promise.withResolvers();
        takenAtMs = clock.monotonic();
        return text;
      }
      await end;
      return undefined;
    },
    isCancelled: () => isCancelled,
    cancel() {
      isCancelled = true;
      cancelAlive();
      hasRoom.resolve();
      arrived.resolve();
    },
  };
}
