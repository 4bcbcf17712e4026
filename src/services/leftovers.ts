/** The processes of services beyond the one that was started: what it forked, and what an earlier Studio left when it was killed. Found by a record
 *  (which process, of which boot) and by a mark in their environment, so that neither a double fork nor a program that hides one of the two slips away. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { killGroup, sendSignal, waitGone } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { bootId, groupMembers, isAlive, listProcesses, pidNamespace, type ProcessIdentity } from '../kernel/process-identity.ts';

/** In the environment of every process of a service: `<workspace id>/<name>`. */
export const MARK = 'STUDIO_SERVICE_RUN';

interface Recorded extends ProcessIdentity {
  readonly bootId: string;
  readonly pidNamespace: string;
}

export interface Leftovers {
  markOf(name: string): string;
  /** Written before anything waits for it. */
  record(name: string, process: ProcessIdentity): Promise<void>;
  /** Ends what still lives of a service whose leader is gone, and takes its record away. @throws Error when something does not die */
  clear(name: string): Promise<void>;
  /** Ends what an earlier Studio of this workspace left. Call it under the workspace's lock. @returns names of services that still ran */
  endAll(): Promise<readonly string[]>;
  /** Resident memory of all its processes, bytes. */
  memoryOf(groupId: number): number;
}

/** What asked nicely gets before it is killed: an earlier Studio can't wait for it any more. */
const GRACE_MS = 5_000;
const PAGE_BYTES = 4_096;

export function createLeftovers(parts: { readonly folder: string; readonly workspaceId: string; readonly clock: Clock }): Leftovers {
  const { folder, workspaceId, clock } = parts;
  const fileOf = (name: string): string => join(folder, `${name}.json`);
  const markOf = (name: string): string => `${workspaceId}/${name}`;

  async function end(processes: readonly ProcessIdentity[]): Promise<void> {
    for (const one of processes) sendSignal(one, 'SIGKILL');
    if (!(await waitGone(processes, GRACE_MS, clock))) throw new Error(`process ${processes.find(isAlive)?.pid} does not die; the kernel holds it`);
  }

  return {
    markOf,
    async record(name, { pid, started }) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const recorded: Recorded = { pid, started, bootId: bootId(), pidNamespace: pidNamespace() };
      await writeFile(fileOf(name), JSON.stringify(recorded), { mode: 0o600 });
    },
    async clear(name) {
      // A child that is born between two looks is met by the next.
      for (let found = marked((mark) => mark === markOf(name)); found.length > 0; found = marked((mark) => mark === markOf(name))) await end(found);
      await rm(fileOf(name), { force: true });
    },
    async endAll() {
      const records = readRecords(folder).filter(({ process }) => process.bootId === bootId() && process.pidNamespace === pidNamespace());
      const leaders = records.filter(({ process }) => isAlive(process));
      // A group outlives its leader, and keeps its number from being given to anybody else.
      const groups = records.filter(
        ({ process }) => isAlive(process) || groupMembers(process.pid).some((member) => member.pid !== process.pid && isOurs(member.pid)),
      );
      const isOursMark = (mark: string): boolean => mark.startsWith(`${workspaceId}/`);
      const found = marked(isOursMark);
      const names = new Set([...leaders.map(({ name }) => name), ...found.map(({ pid }) => markIn(pid)?.slice(workspaceId.length + 1) ?? '')]);
      for (const one of [...leaders.map(({ process }) => process), ...found]) sendSignal(one, 'SIGTERM');
      await waitGone([...leaders.map(({ process }) => process), ...found], GRACE_MS, clock);
      for (const { process } of groups) await killGroup(process.pid, clock);
      for (let left = marked(isOursMark); left.length > 0; left = marked(isOursMark)) await end(left);
      rmSync(folder, { recursive: true, force: true });
      return [...names].filter((name) => name !== '');
    },
    memoryOf: (groupId) => groupMembers(groupId).reduce((sum, { pid }) => sum + residentBytes(pid), 0),
  };

  function isOurs(pid: number): boolean {
    return markIn(pid)?.startsWith(`${workspaceId}/`) === true;
  }
}

function marked(matches: (mark: string) => boolean): readonly ProcessIdentity[] {
  return listProcesses().filter(({ pid, isZombie }) => {
    const mark = isZombie ? undefined : markIn(pid);
    return mark !== undefined && matches(mark);
  });
}

function markIn(pid: number): string | undefined {
  return readProc(`/proc/${pid}/environ`)
    .split('\0')
    .find((entry) => entry.startsWith(`${MARK}=`))
    ?.slice(MARK.length + 1);
}

function residentBytes(pid: number): number {
  return Number(readProc(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * PAGE_BYTES;
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // Gone meanwhile, or another user's.
  }
}

function readRecords(folder: string): readonly { readonly name: string; readonly process: Recorded }[] {
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  } catch {
    return []; // None was ever started.
  }
  return names.flatMap((file) => {
    try {
      return [{ name: file.slice(0, -5), process: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Recorded }];
    } catch {
      return []; // Torn by a power cut: that boot is over.
    }
  });
}
