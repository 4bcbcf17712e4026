/** Errors that the NVIDIA driver writes to the kernel's log (Xid). In a container the log is often closed: then nvidia-smi alone speaks. */
import { closeSync, constants, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import { busKey } from './reading.ts';

export interface Xid {
  /** As `busKey` writes it. */
  readonly bus: string;
  readonly number: number;
  readonly message: string;
  /** What the card is good for after it; null: an application's own fault. */
  readonly state: 'draining' | 'lost' | null;
}

/** After these nothing runs on the card until it is reset or the machine restarted. Source: NVIDIA's Xid catalogue, actions RESET_GPU and RESTART_BM. */
const BROKEN = new Set([46, 48, 54, 61, 62, 64, 74, 79, 95, 109, 110, 119, 120, 136, 140, 142, 143]);
/** What ran goes on; a reset is due (rows to be remapped, an error that was contained). */
const WORN = new Set([63, 94]);
/** `Xid 154` says itself what is to be done. */
const RECOVERY = /action changed from .* to 0x\d+ \((.+)\)/;

/** Every Xid in a piece of the kernel's log, in order. */
export function readXids(text: string): readonly Xid[] {
  return [...text.matchAll(/NVRM: Xid \((?:PCI:)?([0-9A-Fa-f:.]+)\): (\d+),? ?(.*)/g)].map(([, bus = '', digits = '', rest = '']) => {
    const number = Number(digits);
    return { bus: busKey(bus), number, message: `Xid ${number}: ${rest.trim().slice(0, 300)}`, state: stateAfter(number, rest) };
  });
}

function stateAfter(number: number, rest: string): Xid['state'] {
  if (number === 154) {
    const action = RECOVERY.exec(rest)?.[1] ?? '';
    if (/^none$/i.test(action)) return null;
    return /drain/i.test(action) ? 'draining' : 'lost';
  }
  if (BROKEN.has(number)) return 'lost';
  return WORN.has(number) ? 'draining' : null;
}

export interface KernelLog {
  /** Begins behind what was logged so far: what happened before is in what the driver says now. Does nothing when it is open, or closed to us. */
  open(): Promise<void>;
  /** What was logged since the reading before; nothing before it is open. */
  read(): Promise<readonly Xid[]>;
  close(): void;
}

/** One record of /dev/kmsg at most is read at once; longer ones are cut by the kernel. */
const RECORD_BYTES = 8_192;
/** The kernel's log is a ring: no more records than this lie in it. */
const MAX_RECORDS = 50_000;

export function createKernelLog(path: string): KernelLog {
  let file: number | undefined;
  let isTried = false;
  return {
    async open() {
      if (isTried) return;
      isTried = true;
      try {
        file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
        await readAll(file);
      } catch {
        file = undefined; // EPERM, ENOENT: there is none for us.
      }
    },
    read: async () => (file === undefined ? [] : readXids(await readAll(file))),
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

const readFile = promisify(read);

/** To its end as it stands now. */
async function readAll(file: number): Promise<string> {
  const buffer = Buffer.allocUnsafe(RECORD_BYTES);
  const parts: string[] = [];
  for (let count = 0; count < MAX_RECORDS; count++) {
    try {
      // Serial: it is read like a file.
      const { bytesRead } = await readFile(file, buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      const text = buffer.toString('utf8', 0, bytesRead);
      if (text.includes('NVRM')) parts.push(text);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      // EPIPE: records were overwritten before we came; the next reading goes on behind them. Anything else (EAGAIN): the end.
      if (code !== 'EPIPE') break;
    }
  }
  return parts.join('\n');
}
