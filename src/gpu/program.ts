/** Runs a driver's program and never waits for it longer than told: one that hangs in the kernel does not even die when killed. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';

export type ProgramEnd =
  | { readonly kind: 'exit'; readonly code: number | null; readonly stdout: string; readonly stderr: string }
  | { readonly kind: 'late'; readonly pid: number; readonly afterMs: number }
  | { readonly kind: 'failed'; readonly reason: string };

/** Longest answer kept: `-q -x` of sixteen cards is 1 MB. */
const MAX_OUTPUT = 8 * 1024 * 1024;
/** Where drivers put their programs when it is not on the PATH: container runtimes, WSL, ROCm. */
const FOLDERS = ['/usr/local/nvidia/bin', '/usr/lib/wsl/lib', '/opt/rocm/bin'];

/** @returns where the program lies; undefined: nowhere */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), ...FOLDERS];
  // Serial: the first one counts.
  for (const folder of folders) {
    const path = join(folder, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

export interface ProgramRunner {
  /** Never rejects. After `timeoutMs` it is killed and not waited for. */
  run(path: string, args: readonly string[], timeoutMs: number): Promise<ProgramEnd>;
  /** Pids that were killed and live on: the kernel holds them. */
  stuck(): readonly number[];
}

export function createProgramRunner(clock: Clock): ProgramRunner {
  const stuck = new Set<number>();
  return {
    run: (path, args, timeoutMs) =>
      new Promise((resolve) => {
        const { PATH = '', LD_LIBRARY_PATH } = process.env;
        const child = spawn(path, [...args], {
          stdio: ['ignore', 'pipe', 'pipe'],
          env: { PATH, LC_ALL: 'C', ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }) },
        });
        const out = { stdout: '', stderr: '' };
        for (const name of ['stdout', 'stderr'] as const)
          child[name].setEncoding('utf8').on('data', (text: string) => (out[name] = out[name].length > MAX_OUTPUT ? out[name] : out[name] + text));
        const cancel = clock.after(timeoutMs, () => {
          const pid = child.pid ?? 0;
          stuck.add(pid);
          child.kill('SIGKILL');
          for (const stream of [child.stdout, child.stderr]) stream.destroy();
          child.unref();
          resolve({ kind: 'late', pid, afterMs: timeoutMs });
        });
        child.once('exit', () => stuck.delete(child.pid ?? 0));
        child.once('error', (error) => (cancel(), resolve({ kind: 'failed', reason: error.message })));
        child.once('close', (code) => (cancel(), resolve({ kind: 'exit', code, ...out })));
      }),
    stuck: () => [...stuck],
  };
}
