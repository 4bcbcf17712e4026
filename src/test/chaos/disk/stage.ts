/** A Studio on a disk of its own, for campaigns that break the disk: started, claimed, with a workflow to run, and gone with its disk afterwards. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { asObject, type ApiClient } from '../../api-client.ts';
import { claimStudio, createStudio, pidsOf, type Studio } from '../../studio-process.ts';
import { pause } from '../hands.ts';
import type { Disk } from './devices.ts';
import { publishWork } from './work.ts';

const PATIENCE_MS = 120_000;

export interface Stage {
  readonly studio: Studio;
  readonly client: ApiClient;
  readonly workflowId: string;
}

export async function onDisk<D extends Disk, T>(
  attach: () => Promise<D>,
  work: (stage: Stage, disk: D) => Promise<T>,
  env: Readonly<Record<string, string>> = {},
): Promise<T> {
  const disk = await attach();
  const workspace = join(disk.path, 'workspace');
  mkdirSync(workspace);
  const studio = await createStudio({ workspace, env });
  try {
    await studio.start();
    const client = await claimStudio(studio);
    return await work({ studio, client, workflowId: await publishWork(client) }, disk);
  } finally {
    await studio.destroy().finally(() => disk.detach());
  }
}

/** Nothing of it may run on when the machine is off. @param folder beside its workspace, of the same machine */
export async function killAll(studio: Studio, folder = studio.workspace): Promise<void> {
  await studio.kill();
  for (;;) {
    const pids = [...pidsOf(studio.workspace), ...pidsOf(folder)];
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Gone meanwhile.
      }
    }
    await pause(20);
  }
}

/** What health says is wrong; the disk's begins with "disk:". */
export async function reasonsOf(client: ApiClient): Promise<string[]> {
  const reasons = asObject((await client.call('GET', '/api/v1/infrastructure/health')).body)['reasons'];
  return Array.isArray(reasons) ? reasons.map(String) : [];
}

/** Asks until it is so; a call that fails counts as no. @throws Error that names `what` */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
    await pause(20);
  }
}
