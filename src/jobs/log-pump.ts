/** Carries what a job writes into its log, with secrets masked. The job writes plain files, so that it never depends on Studio; the pump follows them.
 *  A killed Studio goes on from `log.state`: offsets into the files, and how long the log was then. Secrets stand unmasked only in those files
 *  (mode 0600, Studio's own), until the job's end removes them.
 *  One thing to know: lines of the streams are ordered by when they were seen, a tenth of a second apart. */
import { constants } from 'node:fs';
import { open, readFile, rename, stat, truncate, type FileHandle } from 'node:fs/promises';
import { asDiskFault } from '../files/content-disk.ts';
import { writeWhole } from '../kernel/whole-file.ts';
import type { JobFolder } from './job-folder.ts';
import { openLogTimes } from '../kernel/log-times.ts';
import { createMarkerScanner, MAX_MARKER_BYTES, type Marker, type MarkerScanner } from './markers.ts';
import { createMasker, maskText, type Masker } from './masker.ts';

export interface LogPump {
  /** Takes what is there now. @returns whether there was anything */
  pump(): Promise<boolean>;
  /** One line of Studio's own. */
  note(line: string): Promise<void>;
  /** Takes the rest. Call when the job's processes are gone. */
  finish(): Promise<void>;
}

interface Stream {
  readonly path: string;
  readonly masker: Masker;
  /** Undefined: what is printed there says nothing about the job. */
  readonly markers: MarkerScanner | undefined;
  /** Bytes read. */
  offset: number;
}

export interface PumpOptions {
  readonly folder: JobFolder;
  readonly redact: readonly string[];
  /** Then the log begins anew, and the one before is kept beside it. */
  readonly maxBytes: number;
  readonly now: () => number;
  readonly onWrite: () => void;
  /** A marker that the job printed. Default: they are lines like others. */
  readonly onMarker?: ((marker: Marker) => Promise<void>) | undefined;
}

const CHUNK_BYTES = 256 * 1024;
/** After so much it is written down how far the pump came: what a killed Studio carried over since is carried over again. */
const SAVE_BYTES = 32 * 1024 * 1024;

/** Goes on where `log.state` says, or at the beginning, after what an earlier attempt left in the log. */
export async function openLogPump(options: PumpOptions): Promise<LogPump> {
  const { folder, onMarker } = options;
  /** Seen, and not told yet: before it is written down how far the pump came. */
  const heard: Marker[] = [];
  const hear = (marker: Marker): void => void heard.push(marker);
  const state = await readState(folder.pumpState);
  if (state !== undefined && (await sizeOf(folder.log)) > state.log) await truncate(folder.log, state.log);
  const streams: readonly Stream[] = [
    { path: folder.setup, masker: createMasker(options.redact), markers: undefined, offset: state?.setup ?? 0 },
    {
      path: folder.stdout,
      masker: createMasker(options.redact),
      markers: onMarker && (await markersFrom(folder.stdout, state?.stdout, hear)),
      offset: state?.stdout ?? 0,
    },
    {
      path: folder.stderr,
      masker: createMasker(options.redact),
      markers: onMarker && (await markersFrom(folder.stderr, state?.stderr, hear)),
      offset: state?.stderr ?? 0,
    },
  ];
  let logBytes = await sizeOf(folder.log);
  const times = await openLogTimes(folder.logTimes, { bytes: logBytes, now: options.now });
  let savedAt = logBytes;
  let turn: Promise<unknown> = Promise.resolve();
  /** Open while a turn writes. */
  let output: FileHandle | undefined;

  async function append(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    if (logBytes + bytes.length > options.maxBytes) {
      await closeOutput();
      await rename(folder.log, `${folder.log}.1`).catch(() => undefined);
      logBytes = 0;
      await times.restart();
      await write(Buffer.from(`[studio] the log reached its limit of ${options.maxBytes} bytes and began anew here\n`));
    }
    await write(bytes);
  }

  async function write(bytes: Buffer): Promise<void> {
    output ??= await open(folder.log, 'a', 0o600);
    times.mark(logBytes);
    await output.writeFile(bytes);
    logBytes += bytes.length;
  }

  async function closeOutput(): Promise<void> {
    await output?.close();
    output = undefined;
  }

  async function save(): Promise<void> {
    const [setup, stdout, stderr] = streams.map((stream) => stream.offset - stream.masker.held());
    await writeWhole(folder.pumpState, JSON.stringify({ setup, stdout, stderr, log: logBytes }));
    savedAt = logBytes;
  }

  async function take(isLast: boolean): Promise<boolean> {
    let took = false;
    try {
      for (const stream of streams) {
        for await (const chunk of newBytes(stream)) {
          took = true;
          stream.markers?.push(chunk);
          for (const marker of heard.splice(0)) await onMarker?.(marker); // Serial: the last one counts.
          await append(stream.masker.push(chunk));
          if (logBytes - savedAt > SAVE_BYTES) await save();
        }
        if (isLast) await append(stream.masker.flush());
        if (stream.offset > options.maxBytes) {
          // What the job writes between the last read and here is lost, which only a log beyond its limit can notice.
          await truncate(stream.path, 0);
          stream.offset = 0;
        }
      }
      await times.flush();
      // After the last one the folder goes; a Studio killed before that carries over again what came since.
      if (took && !isLast) await save();
    } catch (error) {
      throw asDiskFault(error);
    } finally {
      await closeOutput();
    }
    if (took) options.onWrite();
    return took;
  }

  // Before anything is written: a log that grew without it would be carried over twice. Whoever comes first hears when it fails.
  let isSaved = state !== undefined;
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const begin = async (): Promise<T> => {
      if (!isSaved) await save();
      isSaved = true;
      return work();
    };
    const next = turn.then(begin, begin);
    turn = next.catch(() => undefined);
    return next;
  };
  return {
    pump: () => inTurn(() => take(false)),
    note: (line) =>
      inTurn(async () => {
        try {
          await append(Buffer.from(`[studio] ${maskText(line, options.redact)}\n`));
          await times.flush();
          await save();
        } finally {
          await closeOutput();
        }
        options.onWrite();
      }),
    finish: () => inTurn(async () => void (await take(true))),
  };
}

/** A scanner that knows the beginning of the line that the pump stopped in. */
async function markersFrom(path: string, offset: number | undefined, onMarker: (marker: Marker) => void): Promise<MarkerScanner> {
  const scanner = createMarkerScanner(onMarker);
  if (offset === undefined || offset === 0) return scanner;
  const handle = await openRead(path);
  if (handle === undefined) return scanner;
  try {
    const start = Math.max(0, offset - MAX_MARKER_BYTES);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(offset - start), 0, offset - start, start);
    const before = buffer.subarray(0, bytesRead);
    const lineAt = before.lastIndexOf(10) + 1;
    // The line began further back than a marker is long: an x is no marker either.
    scanner.push(lineAt === 0 && start > 0 ? Buffer.from('x') : before.subarray(lineAt));
    return scanner;
  } finally {
    await handle.close();
  }
}

/** A chunk holds good until the next one is asked for. */
async function* newBytes(stream: Stream): AsyncGenerator<Buffer> {
  const size = await sizeOf(stream.path);
  // Someone truncated it (`> /dev/stdout` does): what is there now is new.
  if (size < stream.offset) stream.offset = 0;
  if (size === stream.offset) return;
  const handle = await openRead(stream.path);
  if (handle === undefined) return;
  try {
    // One buffer for all of it: who takes a chunk is done with it before the next is read. A buffer each would be 100 MB/s of garbage beside such a log.
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, size - stream.offset));
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, stream.offset);
      if (bytesRead === 0) return;
      stream.offset += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** The end of what a stream wrote, masked, as text. @returns at most `maxBytes` of UTF-8 */
export async function readTail(path: string, options: { readonly maxBytes: number; readonly redact: readonly string[] }): Promise<string> {
  const handle = await openRead(path);
  if (handle === undefined) return '';
  try {
    const { size } = await handle.stat();
    // A secret cut by the start of the tail would slip through: read further back, mask, then cut.
    const reach = options.maxBytes + 4 * Math.max(0, ...options.redact.map((secret) => Buffer.byteLength(secret)));
    const start = Math.max(0, size - reach);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(size - start), 0, size - start, start);
    const masker = createMasker(options.redact);
    const masked = Buffer.concat([masker.push(buffer.subarray(0, bytesRead)), masker.flush()]);
    // NUL can't be stored in PostgreSQL; a character cut in two becomes the replacement character.
    return masked.subarray(-options.maxBytes).toString().replaceAll('\u0000', '\uFFFD');
  } finally {
    await handle.close();
  }
}

/** Never through a link. @returns undefined where there is none (yet) */
export async function openRead(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

interface PumpState {
  readonly setup: number;
  readonly stdout: number;
  readonly stderr: number;
  readonly log: number;
}

async function readState(path: string): Promise<PumpState | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    // A Studio before this one may have run the job, and knew no setup.
    const { setup = 0, stdout, stderr, log } = value as Record<string, unknown>;
    const isWhole = [setup, stdout, stderr, log].every((offset) => typeof offset === 'number');
    return isWhole ? ({ setup, stdout, stderr, log } as PumpState) : undefined;
  } catch {
    return undefined; // None yet, or lost with the machine: the log is then carried over from the start.
  }
}
