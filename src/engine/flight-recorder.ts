/** What this process has in flight, in a file that outlives it: when it dies without a word, the next one learns which steps it was at.
 *  Written without waiting for the disk: the page cache survives a process, and a machine that loses power is no step's fault.
 *  One thing to know: a slot is one short write at the start of an attempt and one at its end. */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface FlightRecorder {
  /** Notes that an attempt begins. @returns what `clear` is called with */
  note(attempt: InFlight): number;
  clear(slot: number): void;
  /** What processes before this one had in flight when they died, one list a process. Call `forget` once it is counted. */
  found(): readonly { readonly file: string; readonly attempts: readonly InFlight[] }[];
  forget(file: string): void;
  /** This process ends in order: it leaves nothing. */
  close(): void;
}

export interface InFlight {
  readonly instanceId: string;
  readonly orgId: string;
  readonly path: string;
  readonly generation: number;
}

/** More than attempts run at once; what finds no slot is not noted. */
const SLOTS = 1_024;
/** An instance, an org, a generation and a path of nested bodies; longer ones are not noted. */
const SLOT_BYTES = 512;
const NO_SLOT = -1;

/** @param folder of the workspace, for these files alone  @param name unlike that of any other process */
export function createFlightRecorder(folder: string, name: string): FlightRecorder {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = join(folder, name);
  const file = openSync(own, 'w', 0o600);
  const free = Array.from({ length: SLOTS }, (_, index) => SLOTS - 1 - index);
  const empty = Buffer.alloc(1);
  let isOpen = true;
  return {
    note({ instanceId, orgId, path, generation }) {
      const text = `${instanceId} ${orgId} ${generation} ${path}\n`;
      const slot = isOpen && text.length <= SLOT_BYTES ? free.pop() : undefined;
      if (slot === undefined) return NO_SLOT;
      writeSync(file, text, slot * SLOT_BYTES, 'latin1');
      return slot;
    },
    clear(slot) {
      if (slot === NO_SLOT || !isOpen) return;
      writeSync(file, empty, 0, 1, slot * SLOT_BYTES);
      free.push(slot);
    },
    found: () =>
      readdirSync(folder)
        .filter((one) => one !== name)
        .map((one) => ({ file: one, attempts: attemptsOf(readFileSync(join(folder, one))) })),
    forget: (one) => rmSync(join(folder, one), { force: true }),
    close() {
      if (!isOpen) return;
      isOpen = false;
      closeSync(file);
      rmSync(own, { force: true });
    },
  };
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
