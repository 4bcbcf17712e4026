/** Folders of copies that are thrown away. Their name says whose they are, so that a start finds what a killed Studio left: the folder, the PostgreSQL and
 *  the Studio that run on it. Never touches those of a process that lives, nor of another container: its processes can't be judged from here. */
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sendSignal, waitGone } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';
import { identify, isAlive, listProcesses, pidNamespace, type ProcessFacts } from '../kernel/process-identity.ts';

const NAME = /^studio-(?:proof|s)-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)-[A-Za-z0-9]{6}$/;
const KILL_MS = 5_000;

/** Makes one of this process's own; other accounts may pass it, not list it. @param kind s: sockets, whose path has a limit */
export async function makeScratchFolder(kind: 'proof' | 's', parent: string = tmpdir()): Promise<string> {
  const own = identify(process.pid);
  const owner = [namespaceNumber(), process.pid, Number(own?.started ?? 0)].map((number) => number.toString(36)).join('-');
  const folder = await mkdtemp(join(parent, `studio-${kind}-${owner}-`));
  await chmod(folder, 0o711);
  return folder;
}

/** Ends what works on folders whose owner is gone, and removes them. @returns how many there were */
export async function sweepScratch(clock: Clock, parent: string = tmpdir()): Promise<number> {
  const left = (await readdir(parent)).filter(isOrphaned).map((name) => join(parent, name));
  for (const folder of left) {
    // Serial, and again: what is killed may just have started another.
    for (let found = workersOn(folder); found.length > 0; found = workersOn(folder)) {
      for (const one of found) sendSignal(one, 'SIGKILL');
      if (!(await waitGone(found, KILL_MS, clock))) throw new Error(`process ${found.find(isAlive)?.pid} on ${folder} does not die; the kernel holds it`);
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
  return left.length;
}

function isOrphaned(name: string): boolean {
  const [, namespace, pid, started] = NAME.exec(name) ?? [];
  if (namespace === undefined || pid === undefined || started === undefined) return false;
  if (Number.parseInt(namespace, 36) !== namespaceNumber()) return false;
  return !isAlive({ pid: Number.parseInt(pid, 36), started: String(Number.parseInt(started, 36)) });
}

/** That work below the folder, or were told of it. */
function workersOn(folder: string): readonly ProcessFacts[] {
  const isIn = (text: string): boolean => text.includes(`${folder}/`) || text.includes(`${folder}\0`) || text === folder;
  return listProcesses().filter(({ pid, isZombie }) => pid !== process.pid && !isZombie && factsOf(pid).some(isIn));
}

function factsOf(pid: number): readonly string[] {
  const at = `/proc/${pid}`;
  return [() => readFileSync(`${at}/cmdline`, 'utf8'), () => readFileSync(`${at}/environ`, 'utf8'), () => `${readlinkSync(`${at}/cwd`)}/`].map((read) => {
    try {
      return read();
    } catch {
      return ''; // Gone meanwhile, or another user's.
    }
  });
}

/** Of `pid:[4026531836]`. */
function namespaceNumber(): number {
  return Number(/\d+/.exec(pidNamespace())?.[0] ?? 0);
}
