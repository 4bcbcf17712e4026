/** Removes what no row speaks of any more: folders of jobs deleted a week ago, and content that a deleted instance's artifacts pointed at. Never touches a job that has a row. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../kernel/fail.ts';
import { findMissingJobs } from '../store/jobs.ts';
import type { RunParts } from './parts.ts';

const FIRST_MS = 5 * 60_000;
const EVERY_MS = 3_600_000;
const BATCH = 1_000;
/** A database that was restored from yesterday does not know today's jobs yet; their logs stay for a while. */
const KEPT_MS = 7 * 86_400_000;

/** Hourly, first some minutes after the start. Ends with the signal. */
export async function keepHouse(parts: RunParts, signal: AbortSignal): Promise<void> {
  for (let pauseMs = FIRST_MS; !signal.aborted; pauseMs = EVERY_MS) {
    await parts.clock.sleep(pauseMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const folders = await removeLooseFolders(parts);
      await parts.environments.tidy();
      const contents = await parts.files.sweep(signal);
      if (folders + contents > 0) parts.log.info({ folders, contents }, 'what no row speaks of any more was removed');
    } catch (error) {
      if (!signal.aborted) parts.log.warn({ cause: messageOf(error) }, 'old job folders and content could not be removed; tried again in an hour');
    }
  }
}

/** @returns how many */
export async function removeLooseFolders(parts: Pick<RunParts, 'workspacePath' | 'database' | 'clock'>): Promise<number> {
  const root = join(parts.workspacePath, 'jobs');
  const ids = (await readdir(root)).filter((name) => /^job_[0-9a-z]{1,60}$/.test(name));
  let removed = 0;
  for (let at = 0; at < ids.length; at += BATCH) {
    // Serial: there may be very many.
    const loose = await findMissingJobs(parts.database.engine, ids.slice(at, at + BATCH));
    for (const path of loose.map((id) => join(root, id))) {
      if (parts.clock.now() - (await stat(path)).mtimeMs < KEPT_MS) continue;
      await rm(path, { recursive: true, force: true });
      removed++;
    }
  }
  return removed;
}
