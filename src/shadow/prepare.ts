/** Brings the newest copy of the database to where the plan wants it, before a server starts on it: creates nothing, uses, copies or restores.
 *  Each ends in one rename, so that a kill at any point leaves either what was or what is wanted. Never removes a copy: older ones are renamed. */
import { constants, copyFile, cp, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { formatLsn } from '../store/wal-position.ts';
import type { ServiceAccount } from '../supervise/account.ts';
import { freeDirectory } from '../supervise/postgres-directory.ts';
import type { PostgresOptions } from '../supervise/postgres.ts';
import { decide, type Copy, type Decision } from './decide.ts';
import { syncFolder } from './layout.ts';
import { SLOT } from './receiver.ts';
import { restoreShadow } from './restore.ts';
import { newMarker, readMarker, readState, readSystemId, writeMarker, writeState, writerOf, type ShadowState } from './state.ts';

export interface PrepareOptions {
  readonly plan: 'shadow' | 'direct';
  /** On the machine's own disk. */
  readonly localDir: string;
  /** On the volume. */
  readonly volumeDir: string;
  readonly shadow: string;
  readonly account: ServiceAccount | undefined;
  readonly server: Omit<PostgresOptions, 'dataDir' | 'settings' | 'onLine' | 'readyTimeoutMs'>;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

export interface Prepared {
  readonly decision: Decision;
  /** What the restore found damaged. */
  readonly faults: readonly string[];
  /** Sets aside what a move has left, once the plan's own copy is safe. */
  finish(): Promise<void>;
}

/** @throws Refusal when a person must decide; Error when another try may do (no space, the volume does not answer) */
export async function prepareDatabase(options: PrepareOptions): Promise<Prepared> {
  const { plan, localDir, volumeDir, shadow, say } = options;
  const target = plan === 'shadow' ? localDir : volumeDir;
  await removeHalf(target);
  const [local, volume, state] = await Promise.all([lookAt(localDir, options), lookAt(volumeDir, options), readState(shadow)]);
  const decision = decide({ plan, local, volume, state, shadow });
  if (decision.step.do !== 'use' || decision.leaves.length > 0) say(`Storage plan ${plan}: ${decision.why}`);
  const { step } = decision;
  let faults: readonly string[] = [];
  if (step.do === 'copy') await copyInto({ target, from: step.from, aside: decision.aside, state }, options);
  else if (step.do === 'restore' && state !== undefined) faults = await restoreInto({ target, aside: decision.aside, state }, options);
  else await setAside(decision.aside, options);
  // Without a shadow nobody reads the slot, and it would keep the log for ever. The server is down: a slot is a folder.
  if (plan === 'direct') await rm(join(target, 'pg_replslot', SLOT), { recursive: true, force: true });
  return { decision, faults, finish: () => setAside(decision.leaves, options) };
}

/** Replaces the local directory by what the shadow holds: the database's own disk has lost what was acknowledged. Its server must be down. */
export async function restoreAgain(options: PrepareOptions): Promise<readonly string[]> {
  const state = await readState(options.shadow);
  if (state === undefined) throw new Error(`${options.shadow} has no state to restore from.`);
  return restoreInto({ target: options.localDir, aside: [options.localDir], state }, options);
}

/** Of earlier starts that were killed: never data, for a directory counts only once it has its name. */
async function removeHalf(target: string): Promise<void> {
  for (const ending of ['.moving', '.restoring']) await rm(`${target}${ending}`, { recursive: true, force: true });
}

async function lookAt(path: string, { server, clock }: PrepareOptions): Promise<Copy | undefined> {
  const entries = await readdir(path).catch(() => []);
  if (entries.length === 0) return undefined;
  // Nobody may work in it while it is judged, copied or moved.
  await freeDirectory({ dataDir: path, socketDir: server.socketDir, clusterName: server.clusterName }, clock);
  const [systemId, marker, started] = await Promise.all([
    readSystemId(path),
    readMarker(path),
    readFile(join(path, 'postmaster.opts'), 'utf8').catch(() => ''),
  ]);
  return { path, systemId, marker, isOurs: started.includes(`cluster_name=${server.clusterName}"`) };
}

interface Target {
  readonly target: string;
  readonly aside: readonly string[];
  readonly state: ShadowState | undefined;
}

async function copyInto({ target, from, aside, state }: Target & { readonly from: string }, options: PrepareOptions): Promise<void> {
  const half = `${target}.moving`;
  options.say(`Copying ${from} to ${target}`);
  await mkdir(dirname(target), { recursive: true });
  await copyFolder(from, half);
  await writeMarker(half, newMarker(state?.writer.id ?? null));
  // A shadow from before the database lived on the volume is an older copy too.
  await setAside(options.plan === 'shadow' && state?.isComplete === true ? [...aside, options.shadow] : aside, options);
  await rename(half, target);
  await syncFolder(dirname(target));
}

/** Files and folders as they are, each synced: the copy may be the only one soon. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    // Serial: one disk.
    if (entry.isDirectory()) await copyFolder(source, target);
    else if (entry.isFile()) {
      await copyFile(source, target, constants.COPYFILE_EXCL);
      const file = await open(target, 'r+');
      await file.datasync();
      await file.close();
    } else await cp(source, target, { verbatimSymlinks: true });
  }
  await syncFolder(to);
}

async function restoreInto({ target, aside, state }: Target & { readonly state: ShadowState }, options: PrepareOptions): Promise<readonly string[]> {
  const { shadow, account, server, clock, say } = options;
  const half = `${target}.restoring`;
  const marker = newMarker(state.writer.id);
  // First of all: from now on whoever wrote before is fenced off, and what it had acknowledged until then is on the volume, to be read.
  const taken = { ...state, writer: writerOf(marker.id, clock.now()) };
  await writeState(shadow, taken);
  await mkdir(dirname(target), { recursive: true });
  const restored = await restoreShadow({ shadow, state, folder: half, account, server, say });
  await writeMarker(half, marker);
  const number = Math.max(...state.generations.map((life) => life.number)) + 1;
  const life = {
    number,
    timeline: restored.timeline,
    parent: restored.parent,
    forkLsn: formatLsn(restored.forkLsn),
    history: restored.history,
    startedAt: new Date(clock.now()).toISOString(),
  };
  await writeState(shadow, { ...taken, generations: [...state.generations, life] });
  await setAside(aside, options);
  await rename(half, target);
  await syncFolder(dirname(target));
  say(`Restored the database up to ${formatLsn(restored.forkLsn)}, as generation ${number}`);
  return restored.faults;
}

async function setAside(paths: readonly string[], { clock, say }: PrepareOptions): Promise<void> {
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const stamp = new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
    const aside = join(dirname(path), `${basename(path)}.aside-${stamp}`);
    await rename(path, aside);
    await syncFolder(dirname(path));
    say(`Set ${path} aside as ${aside}: it is an older copy and may be removed`);
  }
}
