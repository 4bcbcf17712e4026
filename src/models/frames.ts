/** Messages over a stream of bytes: a length of four bytes, then JSON. Both ends of a child's channel speak it.
 *  A frame above the limit, or one that is no JSON, ends the conversation: whoever sends that is broken, or hostile. */
import type { Duplex } from 'node:stream';

/** A prompt may have the size of a request's body (10 MiB) and grows by quoting; an answer comes in pieces. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;
const HEAD_BYTES = 4;

export interface Frames<Out> {
  /** Never throws; what can't be sent any more is told by the end of the stream. */
  send(message: Out): void;
  close(): void;
}

export interface FrameHandlers<In> {
  onMessage(message: In): void;
  /** Once: the other end is gone, or does not speak this. */
  onEnd(fault: string | undefined): void;
}

/** @throws never */
export function createFrames<In, Out>(stream: Duplex, handlers: FrameHandlers<In>): Frames<Out> {
  let chunks: Buffer[] = [];
  let held = 0;
  let isEnded = false;

  function end(fault?: string): void {
    if (isEnded) return;
    isEnded = true;
    chunks = [];
    stream.destroy();
    handlers.onEnd(fault);
  }

  function take(): void {
    while (!isEnded && held >= HEAD_BYTES) {
      const head = joined(HEAD_BYTES);
      const length = head.readUInt32BE(0);
      if (length > MAX_FRAME_BYTES) return end(`a message of ${length} bytes came, the limit is ${MAX_FRAME_BYTES}`);
      if (held < HEAD_BYTES + length) return;
      const frame = joined(HEAD_BYTES + length);
      chunks = frame.length === HEAD_BYTES + length ? chunks.slice(1) : [frame.subarray(HEAD_BYTES + length), ...chunks.slice(1)];
      held -= HEAD_BYTES + length;
      const message = parse(frame.subarray(HEAD_BYTES, HEAD_BYTES + length));
      if (message === undefined) return end('a message came that is no JSON');
      handlers.onMessage(message as In);
    }
  }

  /** The first chunk, made to hold at least `bytes`. */
  function joined(bytes: number): Buffer {
    const [first] = chunks;
    if (first !== undefined && first.length >= bytes) return first;
    const whole = Buffer.concat(chunks);
    chunks = [whole];
    return whole;
  }

  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    held += chunk.length;
    take();
  });
  stream.on('error', () => end());
  stream.on('close', () => end());
  stream.on('end', () => end());
  return {
    send(message) {
      if (isEnded) return;
      const body = Buffer.from(JSON.stringify(message));
      const head = Buffer.alloc(HEAD_BYTES);
      head.writeUInt32BE(body.length);
      stream.cork();
      stream.write(head);
      stream.write(body);
      stream.uncork();
    },
    close: () => end(),
  };
}

function parse(bytes: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
