/** Disks for tests that break them: small ones, slow ones, ones that fail, ones that lose power. Needs root; nbdkit and nbdfuse for all but the small ones.
 *  Owns what it attaches: `detach` leaves no mount, no loop device and no process. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../hands.ts';

export interface Disk {
  /** Where it is mounted. */
  readonly path: string;
  /** Unmounts it; what it holds stays. */
  unmount(): void;
  /** Mounts it again, as after a start of the machine. */
  mount(): Promise<void>;
  detach(): void;
}

export interface CutDisk extends Disk {
  /** From now on nothing is read or written. */
  cut(): Promise<void>;
  /** Power is back. @returns how many unflushed sectors were lost */
  revive(): number;
}

/** What of a failing disk fails: requests with EIO (log: writes of PostgreSQL's log alone), or nothing is answered at all (hang). */
type DiskFailure = 'read' | 'write' | 'flush' | 'log' | 'hang';

export interface FailingDisk extends Disk {
  /** From now on these fail; none: it works again. */
  fail(...what: readonly DiskFailure[]): void;
  /** How many requests failed so far. */
  failed(): number;
}

/** Why these disks can't be made here; undefined when they can. */
export function noDisks(kind: 'small' | 'nbd'): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root to mount disks';
  if (!existsSync('/dev/loop-control')) return 'needs loop devices';
  const missing = ['mkfs.ext4', 'losetup', 'mount', ...(kind === 'nbd' ? ['nbdkit', 'nbdfuse'] : [])].filter((name) => !isOnPath(name));
  return missing.length === 0 ? undefined : `needs ${missing.join(', ')} (Debian: e2fsprogs mount nbdkit nbdkit-plugin-python libnbd-bin fuse3)`;
}

/** @param files how many inodes it has; default: what mkfs finds right */
export async function smallDisk(bytes: number, files?: number): Promise<Disk> {
  const folder = makeFolder();
  const image = makeImage(folder, bytes);
  const disk = mountable(folder, () => run('losetup', '-f', '--show', image));
  await disk.format(files === undefined ? [] : ['-N', String(files)]);
  return { ...disk, detach: () => (disk.unmount(), remove(folder)) };
}

/** Every write takes `ms`. */
export async function slowDisk(bytes: number, ms: number): Promise<Disk> {
  const folder = makeFolder();
  const image = makeImage(folder, bytes);
  return overNbd(folder, ['--filter=delay', 'file', image, `wdelay=${ms}ms`]);
}

export async function cutDisk(bytes: number): Promise<CutDisk> {
  const folder = makeFolder();
  const image = makeImage(folder, bytes);
  const ctl = join(folder, 'cut');
  const disk = await overNbd(folder, ['python', `script=${join(import.meta.dirname, 'power-cut.py')}`, `file=${image}`, `ctl=${ctl}`]);
  return {
    ...disk,
    async cut() {
      writeFileSync(ctl, '');
      // The device notices with its next request.
      poke(join(folder, 'nbd/nbd'));
      while (!existsSync(`${ctl}.lost`)) await pause(5);
    },
    revive() {
      const lost = Number(readFileSync(`${ctl}.lost`, 'utf8'));
      rmSync(`${ctl}.lost`);
      writeFileSync(`${ctl}.revive`, '');
      poke(join(folder, 'nbd/nbd'));
      return lost;
    },
  };
}

/** @param hasJournal false: a failed write leaves the file system writable, as one does that failed for a moment only */
export async function failingDisk(bytes: number, hasJournal: boolean): Promise<FailingDisk> {
  const folder = makeFolder();
  const image = makeImage(folder, bytes);
  const ctl = join(folder, 'fail');
  const plugin = ['python', `script=${join(import.meta.dirname, 'failing-disk.py')}`, `file=${image}`, `ctl=${ctl}`];
  const disk = await overNbd(folder, plugin, hasJournal ? [] : ['-O', '^has_journal']);
  const fail = (...what: readonly DiskFailure[]): void => {
    // Whole or not at all: the device reads it at any moment.
    writeFileSync(`${ctl}.new`, what.join(' '));
    renameSync(`${ctl}.new`, ctl);
  };
  return {
    ...disk,
    fail,
    failed: () => (existsSync(`${ctl}.failed`) ? statSync(`${ctl}.failed`).size : 0),
    detach() {
      // Whoever waits for an answer of it could not be ended.
      fail();
      disk.detach();
    },
  };
}

async function overNbd(folder: string, plugin: readonly string[], format: readonly string[] = []): Promise<Disk> {
  const socket = join(folder, 'socket');
  const point = join(folder, 'nbd');
  mkdirSync(point);
  const server = spawn('nbdkit', ['-f', '-U', socket, ...plugin], { stdio: 'ignore' });
  while (!existsSync(socket)) await pause(5);
  let client: ChildProcess | undefined;
  const file = join(point, 'nbd');
  const disk = mountable(folder, async () => {
    client = spawn('nbdfuse', [point, '--unix', socket], { stdio: 'ignore' });
    while (!existsSync(file) || statSync(file).size === 0) await pause(5);
    return run('losetup', '-f', '--show', file);
  });
  const unmount = (): void => {
    disk.unmount();
    quietly('umount', '-l', point);
    client?.kill('SIGKILL');
    client = undefined;
  };
  await disk.format(format);
  return {
    ...disk,
    unmount,
    detach() {
      unmount();
      server.kill('SIGKILL');
      remove(folder);
    },
  };
}

/** @param attach gives the block device */
function mountable(folder: string, attach: () => string | Promise<string>) {
  const path = join(folder, 'disk');
  let device: string | undefined;
  const mount = async (): Promise<void> => {
    device ??= await attach();
    run('mount', device, path);
  };
  return {
    path,
    mount,
    async format(options: readonly string[]): Promise<void> {
      mkdirSync(path);
      device = await attach();
      run('mkfs.ext4', '-q', '-F', '-E', 'nodiscard', ...options, device);
      await mount();
    },
    unmount(): void {
      quietly('umount', '-l', path);
      if (device !== undefined) quietly('losetup', '-d', device);
      device = undefined;
    },
  };
}

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'studio-disk-'));
  // PostgreSQL runs as an account of its own.
  chmodSync(folder, 0o711);
  return folder;
}

function makeImage(folder: string, bytes: number): string {
  const image = join(folder, 'image');
  writeFileSync(image, '');
  truncateSync(image, bytes);
  return image;
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}

/** A read that no cache answers. */
function poke(file: string): void {
  quietly('dd', `if=${file}`, 'of=/dev/null', 'bs=4096', 'count=1', 'iflag=direct');
}

function isOnPath(name: string): boolean {
  return `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':').some((folder) => existsSync(join(folder, name)));
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } }).trim();
}

function quietly(program: string, ...args: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: 'ignore', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
  } catch {
    // Not mounted, gone already, or dead: what was wanted.
  }
}
