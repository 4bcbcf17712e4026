/** What this process has in flight, in a file that outlives it: when it dies without a word, the next one learns which steps it was at.
 *  Never waits for the disk: the page cache survives a process, a machine that loses power is no step's fault, and a volume that hangs must hold nobody up.
 *  One thing to know: a slot is one short write at the start of an attempt and one at its end, handed to another thread at once; while the volume takes
 *  none, only what each slot holds last is kept, and an attempt that was over before is never written. */
import { write, writeSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';

export interface FlightRecorder {
  /** Notes that an attempt begins. @returns what `clear` is called with */
  note(attempt: InFlight): number;
  clear(slot: number): void;
  /** What processes before this one had in flight when they died, one list a process. Call `forget` once it is counted. */
  found(): Promise<readonly { readonly file: string; readonly attempts: readonly InFlight[] }[]>;
  forget(file: string): Promise<void>;
  /** Writes what waits before it returns, unless the volume hangs: for a process that ends by a fault. */
  flush(): void;
  /** This process ends in order: it leaves nothing. */
  close(): Promise<void>;
}

export interface InFlight {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
}

export interface RecorderParts {
  /** Of the workspace, for these files alone. */
  readonly folder: string;
  /** Unlike that of any other process. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** More than attempts run at once; what finds no slot is not noted, and counted. */
const SLOTS = 1_024;
/** An instance, an org, a generation and a path of nested bodies; longer ones are not noted. */
const SLOT_BYTES = 512;
const NO_SLOT = -1;
/** Writes under way at once: each holds a thread for as long as a volume hangs, and others need some (file-threads.ts says how many there are). */
const LANES = 8;
/** A write that takes longer hangs. */
const HANGS_MS = 1_000;
const CLOSE_MS = 2_000;
const EMPTY = Buffer.alloc(1);

/** Opens in the background: what is noted meanwhile is written then. */
export function createFlightRecorder({ folder, name, clock, log }: RecorderParts): FlightRecorder {
  const own = join(folder, name);
  const free = Array.from({ length: SLOTS }, (_, index) => SLOTS - 1 - index);
  /** What a slot is to hold and does not yet. */
  const wanted = new Map<number, Buffer>();
  const written = new Set<number>();
  /** Under way, and since when. */
  const writing = new Map<number, { readonly bytes: Buffer; readonly sinceMs: number }>();
  let file: FileHandle | undefined;
  let dropped = 0;
  let isOpen = true;
  let idle = Promise.withResolvers<void>();
  const opening = openOwn(folder, own).then(
    (opened) => {
      file = opened;
      pump();
    },
    (error: unknown) => log.warn({ file: own, cause: messageOf(error) }, 'steps in flight can not be noted: one that ends this process will not be known'),
  );

  function want(slot: number, bytes: Buffer): void {
    wanted.set(slot, bytes);
    pump();
  }
  function pump(): void {
    if (file === undefined || !isOpen) return;
    for (const [slot, bytes] of wanted) {
      if (writing.size >= LANES) return;
      if (writing.has(slot)) continue;
      wanted.delete(slot);
      written.add(slot);
      writing.set(slot, { bytes, sinceMs: clock.monotonic() });
      write(file.fd, bytes, 0, bytes.length, slot * SLOT_BYTES, (error) => onWritten(slot, error));
    }
  }
  function onWritten(slot: number, error: unknown): void {
    writing.delete(slot);
    if (error !== null) dropped += 1;
    else if (dropped > 0) {
      log.warn({ attempts: dropped }, 'attempts in flight were not noted: the volume did not take them');
      dropped = 0;
    }
    if (writing.size === 0) idle.resolve();
    pump();
  }

  return {
    note({ instanceId, orgId, path, generation }) {
      const text = `${instanceId} ${orgId} ${generation} ${path}\n`;
      if (!isOpen || text.length > SLOT_BYTES) return NO_SLOT;
      const slot = free.pop();
      if (slot === undefined) dropped += 1;
      else want(slot, Buffer.from(text, 'latin1'));
      return slot ?? NO_SLOT;
    },
    clear(slot) {
      if (slot === NO_SLOT || !isOpen) return;
      free.push(slot);
      if (written.has(slot)) want(slot, EMPTY);
      else wanted.delete(slot);
    },
    async found() {
      await opening;
      const names = (await readdir(folder).catch(() => [])).filter((one) => one !== name);
      return Promise.all(names.map(async (one) => ({ file: one, attempts: attemptsOf(await readFile(join(folder, one))) })));
    },
    forget: (one) => rm(join(folder, one), { force: true }),
    flush() {
      if (file === undefined || !isOpen || [...writing.values()].some(({ sinceMs }) => clock.monotonic() - sinceMs > HANGS_MS)) return;
      // What is under way is written again: nobody waits for it any more.
      for (const [slot, { bytes }] of writing) writeSync(file.fd, bytes, 0, bytes.length, slot * SLOT_BYTES);
      for (const [slot, bytes] of wanted) writeSync(file.fd, bytes, 0, bytes.length, slot * SLOT_BYTES);
      wanted.clear();
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      wanted.clear();
      const waited = new AbortController();
      const closed = closeOwn().catch((error: unknown) => log.warn({ file: own, cause: messageOf(error) }, 'the file of steps in flight could not be removed'));
      await Promise.race([closed, clock.sleep(CLOSE_MS, waited.signal).catch(() => undefined)]);
      waited.abort();
    },
  };

  async function closeOwn(): Promise<void> {
    await opening;
    idle = Promise.withResolvers<void>();
    if (file === undefined) return;
    if (writing.size > 0) await idle.promise;
    await file.close();
    file = undefined;
    await rm(own, { force: true });
  }
}

async function openOwn(folder: string, own: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return open(own, 'w', 0o600);
}

function attemptsOf(bytes: Buffer): readonly InFlight[] {
  const found: InFlight[] = [];
  for (let at = 0; at < bytes.length; at += SLOT_BYTES) {
    const end = bytes.indexOf(10, at);
    const [instanceId, orgId, generation, path] = bytes.toString('latin1', at, end < 0 ? at : end).split(' ');
    if (instanceId?.startsWith('inst_') === true && orgId !== undefined && path !== undefined)
      found.push({ instanceId, orgId, path, generation: Number(generation) });
  }
  return found;
}
