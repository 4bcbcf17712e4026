/** What `studio doctor` says of the workspace beyond its volume: who can read its keys, where dropped jobs are taken from, and whose clock its files bear. */
import { rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { dropPathOf, type StorageVerdict } from '../supervise/storage.ts';
import type { Finding } from './doctor.ts';

/** Leases of two machines on one volume are judged by their age. */
const SKEW_MS = 30_000;

/** The keys of all secrets stand in it. */
export function lookAtKeys({ workspacePath }: Pick<Config, 'workspacePath'>, { facts }: Pick<StorageVerdict, 'facts'>): Finding {
  const name = 'keys';
  const path = join(workspacePath, '.env');
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return { name, verdict: 'ok', about: `${path} is made at the first start` };
  const mode = (found.mode & 0o777).toString(8);
  if ((found.mode & 0o077) === 0) return { name, verdict: 'ok', about: `${path}, readable by its owner alone` };
  const about = `${path} has mode ${mode}: others on this machine can read the keys of all secrets`;
  if (facts.keepsMode) return { name, verdict: 'warning', about, remedy: `chmod 600 ${path}` };
  return {
    name,
    verdict: 'warning',
    about: `${about}, as the volume keeps no modes`,
    remedy:
      'Give CREDENTIAL_ENCRYPTION_KEY, JWT_SECRET_KEY, POSTGRES_PASSWORD and WORKER_SHARED_SECRET in the environment (RunPod: secrets of the template), and take them out of the file.',
  };
}

export function lookAtDrops(config: Pick<Config, 'dropFolder' | 'workspacePath' | 'localPath'>, storage: Pick<StorageVerdict, 'facts'>): Finding {
  const name = 'drop folder';
  if (!config.dropFolder) return { name, verdict: 'ok', about: 'off (STUDIO_DROP_FOLDER)' };
  const elsewhere = dropPathOf(config, storage);
  if (elsewhere === undefined) return { name, verdict: 'ok', about: join(config.workspacePath, 'jobs/drop/pending') };
  return {
    name,
    verdict: 'ok',
    about: `${elsewhere}/pending: on this machine, as the workspace's volume keeps no modes; what lies there goes with the machine`,
  };
}

/** A network volume dates files by its own clock. */
export function lookAtVolumeClock({ workspacePath }: Pick<Config, 'workspacePath'>, nowMs: () => number): Finding {
  const name = 'clock of the volume';
  const path = join(workspacePath, `.doctor-${process.pid}`);
  const before = nowMs();
  try {
    writeFileSync(path, 'x');
    const skewMs = statSync(path).mtimeMs - (before + nowMs()) / 2;
    if (Math.abs(skewMs) <= SKEW_MS) return { name, verdict: 'ok', about: 'as that of this machine' };
    const about = `${Math.round(Math.abs(skewMs) / 1_000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine's`;
    return { name, verdict: 'warning', about, remedy: 'Start an NTP service here: two machines on one volume are told apart by their clocks.' };
  } finally {
    rmSync(path, { force: true });
  }
}
