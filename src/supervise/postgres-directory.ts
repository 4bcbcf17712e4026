/** What a PostgreSQL data directory is, and who works in it. Decides between create, start and refuse; removes lock files only after proof
 *  that no server lives there. Never removes data, never initialises a directory that holds anything. */
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sendSignal, waitGone } from '../kernel/child.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { listProcesses, readArguments, readProcess, worksIn, worksNowhere, type ProcessFacts } from '../kernel/process-identity.ts';
import { Refusal } from './refusal.ts';

/** The major version whose directories this Studio can open. */
export const POSTGRES_MAJOR = 18;

/** Without these PostgreSQL can't start, and what is left is evidence or a half-made copy: for a person to judge. */
const MUST_HAVE = ['PG_VERSION', 'global/pg_control', 'base', 'pg_wal', 'pg_xact', 'pg_hba.conf', 'postgresql.conf'] as const;

export type DirectoryState = 'empty' | 'ready';

/** @returns `empty` (missing or without entries: initdb may run) or `ready` (PostgreSQL may open it)
 *  @throws Refusal when it holds anything else */
export function judgeDirectory(dataDir: string, major: number = POSTGRES_MAJOR): DirectoryState {
  const entries = listEntries(dataDir);
  if (entries.length === 0) return 'empty';
  const missing = MUST_HAVE.filter((name) => !existsSync(join(dataDir, name)));
  if (missing.length > 0) {
    return refuse(dataDir, `it holds ${entries.length} entries but not ${missing.join(', ')}`, 'data_directory');
  }
  const version = readVersion(dataDir);
  if (!/^\d+$/.test(version)) return refuse(dataDir, `its PG_VERSION reads ${JSON.stringify(version.slice(0, 40))}, which is no version`, 'data_directory');
  if (Number(version) !== major) {
    throw new Refusal(
      'database_version',
      `${dataDir} was made by PostgreSQL ${version}; this Studio runs PostgreSQL ${major}. Nothing was changed. ${Number(version) < major ? 'Run: studio db upgrade-postgres' : 'Start the newer Studio that made it.'}`,
    );
  }
  if (statSync(join(dataDir, 'global/pg_control')).size === 0) return refuse(dataDir, 'its global/pg_control is empty', 'data_directory');
  return 'ready';
}

function listEntries(dataDir: string): readonly string[] {
  try {
    return readdirSync(dataDir);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT') return [];
    return refuse(dataDir, code === 'ENOTDIR' ? 'it is not a directory' : `it can't be read (${messageOf(error)})`, 'data_directory');
  }
}

/** What PG_VERSION says; undefined: nothing is there. @throws Refusal when it can't be read */
export function majorOf(dataDir: string): number | undefined {
  return listEntries(dataDir).length === 0 ? undefined : Number(readVersion(dataDir));
}

function readVersion(dataDir: string): string {
  try {
    return readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    return refuse(dataDir, `its PG_VERSION can't be read (${messageOf(error)})`, 'data_directory');
  }
}

function refuse(dataDir: string, why: string, kind: 'data_directory'): never {
  throw new Refusal(
    kind,
    `The PostgreSQL directory ${dataDir} can't be trusted: ${why}. Studio never re-initialises a directory that holds anything; nothing was changed. ` +
      `Repair it, restore a backup into it, or move it away to begin with an empty database.`,
  );
}

/** Living processes of a PostgreSQL server whose working directory is `dataDir`: the postmaster and its children.
 *  Every one of them works there for its whole life, so this is proof where the pid in a lock file is only a hint. */
export function serversIn(dataDir: string): readonly ProcessFacts[] {
  return listProcesses().filter((facts) => !facts.isZombie && facts.name.startsWith('postgres') && worksIn(facts.pid, dataDir));
}

export interface Occupied {
  readonly dataDir: string;
  readonly socketDir: string;
  /** Marks the servers of this workspace: PostgreSQL's cluster_name. */
  readonly clusterName: string;
}

/** Makes the directory free: stops our own orphaned server cleanly, then clears stale lock files.
 *  @throws Refusal when a living server there does not bear our mark: it is left alone, and so are its files */
export async function freeDirectory(where: Occupied, clock: Clock = systemClock): Promise<'was_free' | 'stopped_orphan'> {
  const found = serversIn(where.dataDir);
  const stranger = found.find((facts) => !bearsMark(facts, where.clusterName));
  if (stranger !== undefined) {
    throw new Refusal(
      'foreign_server',
      `A PostgreSQL server that is not this Studio's (pid ${stranger.pid}) works in ${where.dataDir}. Stop it first (pg_ctl stop -D ${where.dataDir}); nothing was changed.`,
    );
  }
  if (found.length > 0) await stopOrphan(where.dataDir, found, clock);
  await endStrays(where.clusterName, clock);
  clearLocks(where);
  return found.length > 0 ? 'stopped_orphan' : 'was_free';
}

/** Servers of this workspace whose directory was removed under them: nothing of theirs can be saved, and when they notice (within a minute) they remove
 *  the socket of the server that took their place. */
async function endStrays(clusterName: string, clock: Clock): Promise<void> {
  const strays = listProcesses().filter(
    (facts) => !facts.isZombie && facts.name.startsWith('postgres') && worksNowhere(facts.pid) && bearsMark(facts, clusterName),
  );
  for (const facts of strays) sendSignal(facts, 'SIGKILL');
  await waitGone(strays, 5_000, clock);
}

/** Of a postmaster the mark is an argument; of its children the title: "postgres: studio-x: checkpointer". */
function bearsMark(facts: ProcessFacts, clusterName: string): boolean {
  const args = readArguments(facts.pid);
  // A process that ended since it was listed has no arguments; it is no stranger.
  if (args.length === 0) return readProcess(facts.pid)?.started !== facts.started || readProcess(facts.pid)?.isZombie === true;
  return args.includes(`cluster_name=${clusterName}`) || args.some((arg) => arg.startsWith(`postgres: ${clusterName}: `));
}

/** SIGINT: fast shutdown with a checkpoint (0.2 s measured). Children without a postmaster leave by themselves, unless they are stopped or stuck. */
async function stopOrphan(dataDir: string, found: readonly ProcessFacts[], clock: Clock): Promise<void> {
  const postmaster = found.find((facts) => readArguments(facts.pid).some((arg) => arg.startsWith('cluster_name=')));
  if (postmaster !== undefined) {
    // A frozen one takes no other signal; its children must wake too, for it waits for them.
    for (const facts of found) sendSignal(facts, 'SIGCONT');
    sendSignal(postmaster, 'SIGINT');
    if (await waitGone([postmaster], 10_000, clock)) return ended(dataDir, clock);
    sendSignal(postmaster, 'SIGQUIT');
    await waitGone([postmaster], 5_000, clock);
  }
  return ended(dataDir, clock);
}

/** Waits for the last process of the server; the write-ahead log makes a kill at this point safe.
 *  @throws Error when one survives a SIGKILL */
async function ended(dataDir: string, clock: Clock): Promise<void> {
  if (await waitGone(serversIn(dataDir), 2_000, clock)) return;
  const stuck = serversIn(dataDir);
  for (const facts of stuck) sendSignal(facts, 'SIGKILL');
  if (!(await waitGone(stuck, 5_000, clock))) throw new Error(`PostgreSQL process ${stuck[0]?.pid} in ${dataDir} does not die; the kernel holds it.`);
}

/** Zombies, reused pids and garbage in lock files make PostgreSQL refuse to start. Nothing lives in the directory: they are stale.
 *  The socket directory is private to this workspace, but a lock there that names a living server of another directory is respected. */
function clearLocks(where: Occupied): void {
  rmSync(join(where.dataDir, 'postmaster.pid'), { force: true });
  for (const name of listSocketFiles(where.socketDir)) {
    const path = join(where.socketDir, name);
    if (name.endsWith('.lock')) {
      const pid = Number(readFileSync(path, 'utf8').split('\n')[0]);
      const holder = Number.isInteger(pid) && pid > 0 ? readProcess(pid) : undefined;
      if (holder !== undefined && !holder.isZombie && holder.name.startsWith('postgres') && !bearsMark(holder, where.clusterName)) {
        throw new Refusal('foreign_server', `Another PostgreSQL server (pid ${pid}) holds ${path}. Stop it first; nothing was changed.`);
      }
    }
    rmSync(path, { force: true });
  }
}

function listSocketFiles(socketDir: string): readonly string[] {
  if (!existsSync(socketDir)) return [];
  // Locks first: a refusal must come before any socket is removed.
  return readdirSync(socketDir)
    .filter((name) => name.startsWith('.s.PGSQL.'))
    .sort((a, b) => Number(b.endsWith('.lock')) - Number(a.endsWith('.lock')));
}
