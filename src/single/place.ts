/** Where the single executable unpacks itself: a folder that only its user writes to, from which programs may run, on a disk of this machine.
 *  Never on a network volume while there is another choice: thousands of small reads, and no running from it when it is away. */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of statfs(2): NFS, SMB, SMB2, CIFS, FUSE, 9P, Ceph, AFS, Coda, GPFS, Lustre, OCFS2, vboxsf. */
const REMOTE = new Set([
  0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f, 0x73757245, 0x47504653, 0x0bd00bd0, 0x7461636f, 0x786f4256,
]);

export interface Place {
  readonly folder: string;
  readonly isRemote: boolean;
}

/** The folders that come into question, best first. @param env of the process */
export function candidates(env: Readonly<Record<string, string | undefined>>, uid: number): readonly string[] {
  if (env['STUDIO_UNPACK_PATH']) return [env['STUDIO_UNPACK_PATH']];
  const caches = [
    // Of a systemd unit with CacheDirectory=; the first of several.
    env['CACHE_DIRECTORY']?.split(':')[0],
    uid === 0 ? '/var/cache/studio' : under(env['XDG_CACHE_HOME'], 'studio'),
    uid === 0 ? undefined : under(env['HOME'], '.cache/studio'),
  ];
  const temporary = [`/var/tmp/studio-${uid}`, under(env['TMPDIR'], `studio-${uid}`), `/tmp/studio-${uid}`];
  return [...new Set([...caches, ...temporary].filter((folder) => folder !== undefined && folder.startsWith('/')))] as string[];
}

function under(base: string | undefined, name: string): string | undefined {
  return base?.startsWith('/') === true && base !== '/' ? join(base, name) : undefined;
}

/** The first candidate that works and is local; a remote one only when nothing else works. @throws Error with the reason of each */
export function choosePlace(env: Readonly<Record<string, string | undefined>>, uid: number): Place {
  const reasons: string[] = [];
  let remote: Place | undefined;
  for (const folder of candidates(env, uid)) {
    const reason = unusable(folder, uid);
    if (reason !== undefined) reasons.push(`${folder}: ${reason}`);
    else if (!isRemote(folder)) return { folder, isRemote: false };
    else remote ??= { folder, isRemote: true };
  }
  if (remote !== undefined) return remote;
  throw new Error(`There is no folder to unpack to. ${reasons.join('; ')}. Set STUDIO_UNPACK_PATH to a folder on a local disk from which programs may run.`);
}

function isRemote(folder: string): boolean {
  // Some are negative numbers when read as 32 bits with a sign.
  return REMOTE.has(statfsSync(folder).type >>> 0);
}

/** @returns why not; undefined when files can be put there and run */
function unusable(folder: string, uid: number): string | undefined {
  const probe = join(folder, `.probe-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    const facts = lstatSync(folder);
    // In /tmp anybody may have put it there first.
    if (!facts.isDirectory() || facts.uid !== uid || (facts.mode & 0o022) !== 0) return 'it is not a folder that only this user writes to';
    writeFileSync(probe, '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const ended = spawnSync(probe, { stdio: 'ignore' });
    return ended.status === 0 ? undefined : `programs can't be run from it (${ended.error?.message ?? `exit code ${ended.status}`})`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    if (existsSync(probe)) rmSync(probe);
  }
}
