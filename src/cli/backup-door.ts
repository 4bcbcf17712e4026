/** Backups for a command: asked of the running Studio over its own API, or made on the workspace's database here. Both work through the same room. */
import { createToken } from '../identity/operator.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Backup, BackupList } from '../contract/backups.ts';
import type { LoadedConfig } from '../config/load.ts';
import { createWatched } from '../ops/watched.ts';
import { findHolder } from '../supervise/lock.ts';
import { ownProgram } from '../supervise/own-program.ts';
import { wireBackups } from '../wire-backups.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { showProgress } from './progress-line.ts';
import { withWorkspace, type WorkspaceDatabase } from './workspace.ts';

export interface BackupDoor {
  /** Resolves when it is made, and proved where that was asked for. @throws Error telling why it is not */
  create(request: { readonly kind: Backup['kind']; readonly verify: boolean; readonly passphrase?: string }): Promise<Backup>;
  /** Resolves with what the proof found. */
  verify(id: string, request: { readonly passphrase?: string }): Promise<Backup>;
  prune(isDryRun: boolean): Promise<{ removed: string[]; kept: number; freedBytes: number }>;
}

const POLL_MS = 500;
const KEY_MS = 12 * 3_600_000;
const AUTHOR = { actor: 'shell', orgId: null, address: 'shell' } as const;

export function connectBackups<T>(loaded: LoadedConfig, work: (door: BackupDoor) => Promise<T>): Promise<T> {
  return withWorkspace(loaded, async (workspace) => {
    const holder = workspace.isServing ? findHolder(loaded.config.workspacePath) : undefined;
    if (holder === undefined) return work(ownDoor(loaded, workspace));
    const { door, close } = await remoteDoor(loaded, workspace, holder.port);
    try {
      return await work(door);
    } finally {
      await close();
    }
  });
}

function ownDoor(loaded: LoadedConfig, { config, connections, open, log }: WorkspaceDatabase): BackupDoor {
  const backups = wireBackups({
    ...{ config, loaded, connections, clock, log },
    database: open(),
    board: { report: () => undefined },
    watched: createWatched(),
    studioVersion: packageJson.version,
    program: ownProgram(),
  });
  const finish = async (id: string, isProof: boolean): Promise<Backup> => {
    const stopShowing = show(async () => backups.work);
    await backups.idle().finally(stopShowing);
    const { last } = backups;
    if (last?.ok === false && !isProof) throw new Error(last.message);
    return backups.read(id);
  };
  return {
    async create(request) {
      const { id } = await backups.create({ id: newId('bak', clock), reason: 'manual', ...request }, AUTHOR);
      return finish(id, false);
    },
    async verify(id, request) {
      await backups.verify({ id, ...request }, AUTHOR);
      return finish(id, true);
    },
    prune: (dryRun) => backups.prune({ dryRun }, AUTHOR),
  };
}

/** With a key that is gone again afterwards. */
async function remoteDoor(loaded: LoadedConfig, { open, log }: WorkspaceDatabase, port: number): Promise<{ door: BackupDoor; close: () => Promise<void> }> {
  const expiresAt = new Date(clock.now() + KEY_MS).toISOString();
  // For everything: only such a key may take itself away.
  const { id: keyId, key } = await createToken({ database: open(), clock, log }, { name: 'studio backup', scopes: ['*'], expiresAt });
  const { host, tlsCertFile } = loaded.config;
  const name = ['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host;
  const base = `${tlsCertFile === undefined ? 'http' : 'https'}://${name}:${port}/api/v1`;
  const ask = async <Reply>(method: string, path: string, body?: object): Promise<Reply> => {
    const reply = await fetch(`${base}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (reply.status === 204) return undefined as Reply;
    const answer = (await reply.json()) as Reply & { readonly error?: { readonly message: string } };
    if (!reply.ok) throw new Error(answer.error?.message ?? `Studio answered ${reply.status}`);
    return answer;
  };
  const read = (): Promise<BackupList> => ask<BackupList>('GET', '/backups');
  const finish = async (id: string, isProof: boolean): Promise<Backup> => {
    let list = await read();
    const stopShowing = show(async () => list.work);
    for (; list.work?.id === id; list = await read()) await clock.sleep(POLL_MS); // Serial: a watch.
    stopShowing();
    if (list.last?.id === id && !list.last.ok && !isProof) throw new Error(list.last.message);
    return ask<Backup>('GET', `/backups/${id}`);
  };
  const door: BackupDoor = {
    async create(request) {
      const { id } = await ask<{ id: string }>('POST', '/backups', request);
      return finish(id, false);
    },
    async verify(id, request) {
      await ask('POST', `/backups/${id}/verify`, request);
      return finish(id, true);
    },
    prune: (dryRun) => ask('POST', '/backups/prune', { dryRun }),
  };
  // One that stays expires.
  return { door, close: () => ask<undefined>('DELETE', `/api-keys/${keyId}`).catch(() => undefined) };
}

/** One line that is written over, where a person looks. @returns a function that ends it */
function show(read: () => Promise<BackupList['work']>): () => void {
  if (!process.stderr.isTTY) return () => undefined;
  let isOver = false;
  const tick = async (): Promise<void> => {
    const progress = (await read())?.progress;
    if (isOver) return;
    if (progress !== undefined) showProgress(progress);
    clock.after(POLL_MS, () => void tick());
  };
  void tick();
  return () => {
    isOver = true;
    showProgress(null);
  };
}
