/** Server-sent events of one room: the same rights, the same limits, the same order as the socket. */
import type { Caller } from '../contract/caller.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Ear } from './ear.ts';
import { LOW_HELD_BYTES } from './ear.ts';
import type { Broadcast } from './envelope.ts';
import type { Hub } from './hub.ts';

export interface StreamOptions {
  readonly hub: Hub;
  readonly caller: Caller;
  readonly again: () => Promise<Caller | null>;
  readonly room: string;
  readonly after: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called once, when the stream is over. */
  readonly onGone: () => void;
}

/** A comment each, so that proxies see life. */
const BEAT_MS = 15_000;

/** Each event is `id: <cursor>` and `data: <envelope>`; `event: reset` asks for a new snapshot; `event: ended` is the end of the session.
 *  A client that comes back sends the last id as Last-Event-ID. */
export function eventStream(options: StreamOptions): ReadableStream<Uint8Array> {
  const { hub, clock } = options;
  const queue: Buffer[] = [];
  let heldBytes = 0;
  let isOver = false;
  let wanted: (() => void) | undefined;
  let waiters: (() => void)[] = [];
  let cancelBeat = (): void => {};

  const put = (text: string): void => {
    if (isOver) return;
    const bytes = Buffer.from(text);
    queue.push(bytes);
    heldBytes += bytes.length;
    wanted?.();
  };
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    cancelBeat();
    membership.leave();
    wanted?.();
    options.onGone();
  };
  const ear: Ear = {
    event: (broadcast: Broadcast) => put(`id: ${broadcast.cursorText}\ndata: ${broadcast.text}\n\n`),
    reset: (room) => put(`event: reset\ndata: ${JSON.stringify({ room })}\n\n`),
    denied: () => stop(),
    ended: () => stop(),
    get heldBytes() {
      return heldBytes;
    },
    drained: () => (heldBytes <= LOW_HELD_BYTES ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    again: options.again,
  };
  const membership = hub.join(ear, options.caller);
  const stop = (): void => {
    put('event: ended\ndata: {}\n\n');
    end();
  };
  const beat = (): void => {
    put(': beat\n\n');
    cancelBeat = clock.after(BEAT_MS, beat);
  };

  return new ReadableStream<Uint8Array>(
    {
      start() {
        options.signal.addEventListener('abort', end, { once: true });
        cancelBeat = clock.after(BEAT_MS, beat);
        const confirm = ({ cursor }: { readonly cursor: string }): void =>
          put(`retry: 1000\nid: ${cursor}\nevent: subscribed\ndata: ${JSON.stringify({ room: options.room, cursor })}\n\n`);
        membership
          .subscribe({ rooms: [options.room], confirm, ...(options.after === undefined ? {} : { since: { [options.room]: options.after } }) })
          .catch(stop);
      },
      async pull(controller) {
        if (queue.length === 0 && !isOver) await new Promise<void>((resolve) => (wanted = resolve));
        wanted = undefined;
        const bytes = queue.shift();
        if (bytes === undefined) return controller.close();
        heldBytes -= bytes.length;
        if (heldBytes <= LOW_HELD_BYTES) {
          for (const resolve of waiters) resolve();
          waiters = [];
        }
        controller.enqueue(bytes);
      },
      cancel: end,
    },
    // Nothing is taken from the queue before the other end asks: what is held is what heldBytes says.
    { highWaterMark: 0 },
  );
}
