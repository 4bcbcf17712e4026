/** Looks at the workspace's file system before anything is put there, and picks where PostgreSQL may live.
 *  Bounded: a hanging network volume costs a few seconds, never the start. Never changes what it finds: its own probe file comes and goes. */
import { constants, promises as fs } from 'node:fs';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { runToEnd } from '../kernel/child.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { ServiceAccount } from './account.ts';
import { localStatePath } from './local-state.ts';

export interface StorageFacts {
  readonly path: string;
  /** ext4, overlay, fuse.mfs, … */
  readonly mountType: string;
  readonly mountPoint: string;
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Null: not tried, for it needs root. */
  readonly keepsOwner: boolean | null;
  readonly keepsMode: boolean;
  readonly renames: boolean;
  /** Null: no program to try it with. */
  readonly locks: boolean | null;
  /** Median of three writes with fsync; null when it failed or took too long. */
  readonly fsyncMs: number | null;
  /** Why a probe did not come to an end. */
  readonly faults: readonly string[];
}

export type StoragePlan = 'direct' | 'shadow' | 'ephemeral';

export interface StorageVerdict {
  readonly facts: StorageFacts;
  /** What the file system asks for. */
  readonly wanted: StoragePlan;
  /** What this start does: `wanted`, unless the configuration says otherwise. */
  readonly plan: StoragePlan;
  readonly dataDir: string;
  readonly reasons: readonly string[];
  /** Shown in red wherever a person looks; null when nothing would be lost. */
  readonly banner: string | null;
}

/** Longest wait for each probe: a healthy disk needs milliseconds. */
const PROBE_MS = 3_000;
/** A slower disk makes every commit wait: worth a warning, no reason to refuse. */
const SLOW_FSYNC_MS = 100;
/** Below this a start could not even recover. */
const LEAST_FREE_BYTES = 256 * 1024 * 1024;

export interface ProbeOptions {
  readonly workspacePath: string;
  readonly account: ServiceAccount | undefined;
  /** Where data goes that can't live on the workspace: the container's own disk. */
  readonly localPath: string;
  /** A person's choice (STUDIO_STORAGE_PLAN). Default: what the file system asks for. */
  readonly plan?: StoragePlan | undefined;
  /** False: the database is elsewhere, and files can live anywhere. */
  readonly holdsDatabase?: boolean;
  readonly clock?: Clock;
}

/** What the configuration says of it. */
export function placesOf(config: Pick<Config, 'workspacePath' | 'localPath' | 'storagePlan' | 'database'>): Omit<ProbeOptions, 'account' | 'clock'> & {
  readonly localPath: string;
} {
  const { workspacePath, localPath, storagePlan, database } = config;
  const holdsDatabase = database.kind === 'embedded';
  return {
    workspacePath,
    localPath: localStatePath(workspacePath, localPath),
    ...(storagePlan !== 'auto' && holdsDatabase && { plan: storagePlan }),
    holdsDatabase,
  };
}

/** Where the drop folder has to be instead of in the workspace; undefined: it may be there. Who can write into it acts as a super administrator. */
export function dropPathOf(config: Pick<Config, 'workspacePath' | 'localPath'>, { facts }: Pick<StorageVerdict, 'facts'>): string | undefined {
  return facts.keepsMode ? undefined : join(localStatePath(config.workspacePath, config.localPath), 'drop');
}

export async function probeStorage(options: ProbeOptions): Promise<StorageVerdict> {
  return decidePlan(await gatherFacts(options), options);
}

async function gatherFacts(options: ProbeOptions): Promise<StorageFacts> {
  const clock = options.clock ?? systemClock;
  const faults: string[] = [];
  const folder = join(options.workspacePath, `.probe-${process.pid}`);
  const bounded = async <T>(name: string, fallback: T, work: () => Promise<T>): Promise<T> => {
    const late = new AbortController();
    try {
      return await Promise.race([work(), clock.sleep(PROBE_MS, late.signal).then(() => Promise.reject(new Error(`no answer within ${PROBE_MS} ms`)))]);
    } catch (error) {
      faults.push(`${name}: ${messageOf(error)}`);
      return fallback;
    } finally {
      late.abort();
    }
  };
  const mount = findMount(options.workspacePath, readMounts());
  await bounded('write', undefined, () => fs.mkdir(folder));
  const [space, keepsMode, keepsOwner, renames, locks, fsyncMs] = await Promise.all([
    bounded('free space', { freeBytes: 0, totalBytes: 0 }, () => measureSpace(options.workspacePath)),
    bounded('chmod', false, () => tryMode(join(folder, 'mode'))),
    options.account === undefined ? null : bounded('chown', false, () => tryOwner(join(folder, 'owner'), options.account)),
    bounded('rename', false, () => tryRename(folder)),
    bounded('flock', null, () => tryLock(join(folder, 'lock'))),
    bounded('fsync', null, () => measureSync(join(folder, 'sync'), clock)),
  ]);
  await bounded('clean up', undefined, () => fs.rm(folder, { recursive: true, force: true }));
  return { path: options.workspacePath, mountType: mount.type, mountPoint: mount.point, ...space, keepsOwner, keepsMode, renames, locks, fsyncMs, faults };
}

/** Pure: what these facts allow. */
export function decidePlan(facts: StorageFacts, options: Pick<ProbeOptions, 'workspacePath' | 'localPath' | 'plan' | 'holdsDatabase'>): StorageVerdict {
  const { workspacePath, localPath } = options;
  const slow = facts.fsyncMs !== null && facts.fsyncMs > SLOW_FSYNC_MS ? [`fsync takes ${Math.round(facts.fsyncMs)} ms: every commit waits that long`] : [];
  const tight = facts.freeBytes > 0 && facts.freeBytes < LEAST_FREE_BYTES ? [`only ${Math.round(facts.freeBytes / 2 ** 20)} MiB are free`] : [];
  const { wanted, reasons, banner } = judge(facts, options);
  const plan = options.plan ?? wanted;
  const chosen = plan === wanted ? [] : [`STUDIO_STORAGE_PLAN asks for ${plan}; this file system for ${wanted}`];
  const onLocal = plan === 'shadow' || (plan === 'ephemeral' && wanted === 'shadow') || hasNoFiles(facts);
  return {
    facts,
    wanted,
    plan,
    dataDir: join(onLocal ? localPath : workspacePath, 'pg'),
    reasons: [...chosen, ...reasons, ...slow, ...tight],
    banner: plan === wanted ? banner : plan === 'ephemeral' ? lost(localPath, workspacePath, 'STUDIO_STORAGE_PLAN asks for it') : null,
  };
}

function judge(
  facts: StorageFacts,
  { workspacePath, localPath, holdsDatabase = true }: Pick<ProbeOptions, 'workspacePath' | 'localPath' | 'holdsDatabase'>,
): Pick<StorageVerdict, 'wanted' | 'reasons' | 'banner'> {
  const place = `${workspacePath} (${facts.mountType})`;
  // Without these nothing can be kept there, not even a copy.
  const useless = [...(facts.renames ? [] : ['rename does not replace a file']), ...(facts.fsyncMs === null ? ['a write with fsync did not come back'] : [])];
  if (useless.length > 0)
    return { wanted: 'ephemeral', reasons: useless.map((reason) => `${place}: ${reason}`), banner: lost(localPath, workspacePath, useless[0] ?? '') };
  if (['overlay', 'tmpfs', 'ramfs', 'aufs'].includes(facts.mountType))
    return {
      wanted: 'ephemeral',
      reasons: [`${workspacePath} is no volume (${facts.mountType})`],
      banner: `${workspacePath} is no volume (${facts.mountType}): everything in it will be LOST when the container is removed. Mount a volume there to keep it.`,
    };
  if (!holdsDatabase) return { wanted: 'direct', reasons: [], banner: null };
  const unfit = [
    ...(facts.keepsOwner === false ? ['files there can not be given to the account PostgreSQL runs as (chown is refused or forgotten)'] : []),
    ...(facts.keepsMode ? [] : ['file modes are not kept, and PostgreSQL refuses a directory that others may read']),
  ];
  return { wanted: unfit.length > 0 ? 'shadow' : 'direct', reasons: unfit.map((reason) => `${place}: ${reason}`), banner: null };
}

function hasNoFiles({ renames, fsyncMs }: StorageFacts): boolean {
  return !renames || fsyncMs === null;
}

function lost(localPath: string, workspacePath: string, why: string): string {
  return `The database is on this machine's own disk (${localPath}) and will be LOST when the container is removed: ${workspacePath} can't hold it (${why}). Use an ordinary volume for ${workspacePath}.`;
}

interface Mount {
  readonly point: string;
  readonly type: string;
}

function readMounts(): readonly Mount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [before = '', after = ''] = line.split(' - ');
    // The kernel writes a space in a path as \040.
    const point = (before.split(' ')[4] ?? '/').replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    return { point, type: after.split(' ')[0] ?? 'unknown' };
  });
}

/** The mount that `path` stands on: the longest one above it; of equals the last, which covers the others. */
export function findMount(path: string, mounts: readonly Mount[]): Mount {
  const above = mounts.filter(({ point }) => path === point || path.startsWith(point === '/' ? '/' : `${point}/`));
  return above.reduce<Mount>((best, mount) => (mount.point.length >= best.point.length ? mount : best), { point: '/', type: 'unknown' });
}

/** What a path of this machine lies on, and how much room there is: of the nearest folder above it that exists. */
export async function readDisk(path: string): Promise<{ mountPoint: string; type: string; totalBytes: number; freeBytes: number }> {
  const mount = findMount(path, readMounts());
  let folder = path;
  while (folder !== '/' && !existsSync(folder)) folder = dirname(folder);
  return { mountPoint: mount.point, type: mount.type, ...(await measureSpace(folder)) };
}

async function measureSpace(path: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const { bavail, blocks, bsize } = await fs.statfs(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

async function tryMode(path: string): Promise<boolean> {
  await fs.writeFile(path, '');
  await fs.chmod(path, 0o600);
  const closed = (await fs.stat(path)).mode & 0o777;
  await fs.chmod(path, 0o640);
  return closed === 0o600 && ((await fs.stat(path)).mode & 0o777) === 0o640;
}

async function tryOwner(path: string, account: ServiceAccount | undefined): Promise<boolean> {
  if (account === undefined) return true;
  await fs.writeFile(path, '');
  // A refusal is the answer that is asked for, not a fault.
  await fs.chown(path, account.uid, account.gid).catch(() => undefined);
  return (await fs.stat(path)).uid === account.uid;
}

async function tryRename(folder: string): Promise<boolean> {
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  await fs.writeFile(from, 'new');
  await fs.writeFile(to, 'old');
  await fs.rename(from, to);
  return (await fs.readFile(to, 'utf8')) === 'new';
}

/** Node has no flock; util-linux brings one with nearly every system. */
async function tryLock(path: string): Promise<boolean | null> {
  const program = '/usr/bin/flock';
  if (
    !(await fs.access(program, constants.X_OK).then(
      () => true,
      () => false,
    ))
  )
    return null;
  return (await runToEnd({ command: program, args: ['-n', path, '/bin/true'], timeoutMs: PROBE_MS })).code === 0;
}

async function measureSync(path: string, clock: Clock): Promise<number> {
  const file = await fs.open(path, 'w');
  const times: number[] = [];
  try {
    for (let i = 0; i < 3; i++) {
      const before = clock.monotonic();
      await file.write(Buffer.alloc(8_192), 0, 8_192, 0); // One page, as PostgreSQL writes them; serial, for each is timed alone.
      await file.sync();
      times.push(clock.monotonic() - before);
    }
  } finally {
    await file.close();
  }
  return times.toSorted((a, b) => a - b)[1] ?? 0;
}
