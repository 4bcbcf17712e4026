/** How this very program was started, to start it once more: a copy of Studio on another workspace, in a process of its own. */
import { isSea } from 'node:sea';

/** An executable and what stands before `start`. */
export interface StudioProgram {
  readonly command: string;
  readonly args: readonly string[];
}

export function ownProgram(): StudioProgram {
  return { command: process.execPath, args: isSea() ? [] : [process.argv[1] ?? ''] };
}
