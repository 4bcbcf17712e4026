/** One run of one download: file after file, each brought, proved by its hash and made a content; then the whole becomes the model's.
 *  Never changes a row but through `save` and `finish`. One thing to know: what `save` records was synced before, so that a crash costs a second at most. */
import { open, stat } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import type { DownloadFileRecord, DownloadRecord } from '../store/downloads.ts';
import { DownloadFault } from './download-fault.ts';
import type { Target } from './download-answer.ts';
import { fetchFile, type FetchState, type Pace } from './download-fetch.ts';
import { countBytes } from './download-ranges.ts';
import { hashFile } from './hash.ts';
import type { ModelFolder } from './model-folder.ts';

/** How far it is; read by who saves and shows. */
export interface Progress {
  readonly files: readonly DownloadFileRecord[];
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
}

export interface DownloadRun {
  readonly egress: Pick<Egress, 'open'>;
  readonly clock: Clock;
  readonly folder: ModelFolder;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  target(file: DownloadFileRecord): Target;
  /** Contents are added under the catalogue's lock. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Records how far it is. */
  save(progress: Progress): Promise<void>;
}

/** Progress is told and recorded so often; at least once a second is promised. */
const SAVE_MS = 1_000;

type File = { -readonly [K in keyof DownloadFileRecord]: DownloadFileRecord[K] };

/** @returns the files as they are now, every one `done` with its hash  @throws DownloadFault; the signal's reason */
export async function runDownload(download: DownloadRecord, run: DownloadRun): Promise<readonly DownloadFileRecord[]> {
  const files = download.files.map((file): File => ({ ...file }));
  const saver = startSaver(files, run);
  try {
    for (const [index, file] of files.entries()) {
      // One after the other: the lines of one file fill what there is.
      if (file.state !== 'done' || !(await run.folder.hasBlob(file.sha256 ?? '', file.bytes))) await bring({ download, file, index }, { run, saver });
    }
    return files;
  } finally {
    await saver.stop();
  }
}

interface Saver {
  /** Before `save` of the file that grows. */
  sync: () => Promise<void>;
  now(): Promise<void>;
  /** Saves a last time. */
  stop(): Promise<void>;
}

/** Saves every second. What it records is taken before the sync. */
function startSaver(files: readonly File[], run: DownloadRun): Saver {
  let isStopped = false;
  let cancel = (): void => undefined;
  let saving: Promise<void> = Promise.resolve();
  const saver: Saver = {
    sync: async () => undefined,
    now: () => (saving = saving.then(once, once)),
    async stop() {
      isStopped = true;
      cancel();
      await saver.now();
    },
  };
  async function once(): Promise<void> {
    const taken = progressOf(files);
    await saver.sync();
    await run.save(taken);
  }
  const again = (): void => {
    cancel = run.clock.after(SAVE_MS, () => {
      const next = (): void => void (isStopped || again());
      saver.now().then(next, next);
    });
  };
  again();
  return saver;
}

function progressOf(files: readonly File[]): Progress {
  const isKnown = files.every((file) => file.bytes !== null);
  return {
    files: files.map((file) => ({ ...file })),
    bytesDone: files.reduce((sum, file) => sum + (file.state === 'done' ? (file.bytes ?? 0) : countBytes(file.done)), 0),
    bytesTotal: isKnown ? files.reduce((sum, file) => sum + (file.bytes ?? 0), 0) : null,
  };
}

interface One {
  readonly download: DownloadRecord;
  readonly file: File;
  readonly index: number;
}

async function bring(one: One, { run, saver }: { readonly run: DownloadRun; readonly saver: Saver }): Promise<void> {
  const { file, download, index } = one;
  if (file.sha256 !== null && (await run.folder.hasBlob(file.sha256, file.bytes))) {
    Object.assign(file, { state: 'done', done: [], bytes: file.bytes ?? (await sizeOf(run, file.sha256)) });
    return saver.now();
  }
  const path = await run.folder.partOf(download.id, index);
  for (let tries = 1; ; tries++) {
    file.state = 'running';
    await fetchInto(path, file, { run, saver });
    file.state = 'verifying';
    await saver.now();
    const found = await hashFile(path, { git: file.gitSha1 !== null, signal: run.signal });
    const isRight = (file.sha256 === null || file.sha256 === found.sha256) && (file.gitSha1 === null || file.gitSha1 === found.gitSha1);
    if (isRight) {
      await run.exclusive(() => run.folder.adopt(path, found.sha256));
      Object.assign(file, { state: 'done', done: [], sha256: found.sha256 });
      return saver.now();
    }
    const wanted = file.sha256 ?? file.gitSha1 ?? '';
    Object.assign(file, { done: [], validator: null, state: 'waiting' });
    if (tries === 2)
      throw new DownloadFault(
        'hash_mismatch',
        `${file.name} hashes to ${file.sha256 === null ? (found.gitSha1 ?? '') : found.sha256}, not to ${wanted}, twice: what the server sends is not what was published`,
      );
  }
}

async function sizeOf(run: DownloadRun, sha256: string): Promise<number> {
  return (await stat(run.folder.blobOf(sha256))).size;
}

async function fetchInto(path: string, file: File, { run, saver }: { readonly run: DownloadRun; readonly saver: Saver }): Promise<void> {
  const handle = await openPart(path, file);
  // The fetch changes the file's own record: who saves sees it grow.
  const state: FetchState = file as FetchState;
  saver.sync = () => handle.datasync();
  try {
    const target = run.target(file);
    await fetchFile({ ...target, isHashKnown: file.sha256 !== null, handle, state, signal: run.signal }, run);
    await handle.datasync();
  } finally {
    await saver.now();
    saver.sync = async () => undefined;
    await handle.close();
  }
}

/** A part that is not there, or shorter than what is said to be in it, begins anew. */
async function openPart(path: string, file: File): Promise<Awaited<ReturnType<typeof open>>> {
  const end = file.done.at(-1)?.[1] ?? 0;
  const known = await stat(path).catch(() => undefined);
  if (known !== undefined && known.size >= end) return open(path, 'r+');
  Object.assign(file, { done: [], validator: null });
  return open(path, 'w+');
}
