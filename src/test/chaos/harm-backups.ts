/** Alters backups at random, one byte or one cut at a time, and looks whether each is found. The backup is mended after each, and has to be whole again. */
import { randomInt } from 'node:crypto';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkBackup } from '../../backup/check.ts';
import { newKey, type BackupKey } from '../../backup/crypt.ts';
import { readManifest, type Manifest } from '../../backup/manifest.ts';
import { AppError, fail } from '../../kernel/fail.ts';
import { createBackupFixture, type BackupFixture } from '../backup-fixture.ts';

export interface HarmReport {
  readonly flips: number;
  readonly cuts: number;
  readonly removals: number;
  /** What was done and not found. */
  readonly faults: readonly string[];
}

/** @param times how many harms: in turn to a logical and a physical backup, plain and sealed */
export async function harmBackups(times: number, onLine: (line: string) => void = () => undefined): Promise<HarmReport> {
  const fixture = await createBackupFixture({ canBePhysical: true });
  try {
    await fixture.addFile('b', Buffer.from('more bytes '.repeat(5_000)));
    const key = await newKey('several words that nobody guesses');
    const backups: (readonly [Manifest, BackupKey | undefined])[] = [];
    for (const kind of ['logical', 'physical'] as const) for (const withKey of [undefined, key]) backups.push([await fixture.make(withKey, { kind }), withKey]);
    const counts = { flips: 0, cuts: 0, removals: 0 };
    const faults: string[] = [];
    for (let done = 0; done < times; done++) {
      const [manifest, withKey] = backups[done % backups.length] ?? fail('internal', 'no backup was made');
      const check = async (): Promise<void> => checkBackup({ ...fixture, manifest: await readManifest(fixture.place, manifest.id), key: withKey });
      const paths = await pathsOf(fixture, manifest);
      const path = paths[randomInt(paths.length)] ?? '';
      const said = await harm({
        file: join(fixture.root, 'backups', path),
        kind: done % 21 === 20 ? 'removals' : Math.floor(done / backups.length) % 2 === 0 ? 'flips' : 'cuts',
        counts,
        check,
      });
      if (said !== undefined) faults.push(`${path}: ${said}`);
      if (done % 100 === 99) onLine(`${done + 1} harms, ${faults.length} not found`);
      if (done % 100 === 99) await check();
    }
    return { ...counts, faults };
  } finally {
    await fixture.close();
  }
}

/** All that belongs to one backup: its parts, and the content of its key. */
async function pathsOf({ place, config }: BackupFixture, manifest: Manifest): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of place.list(`backups/${manifest.id}`)) paths.push(path);
  for await (const { path } of place.list(`content/${config.workspaceId}/${manifest.encryption?.keyId ?? 'plain'}`)) paths.push(path);
  return paths;
}

async function harm(work: {
  readonly file: string;
  readonly kind: 'flips' | 'cuts' | 'removals';
  readonly counts: { flips: number; cuts: number; removals: number };
  readonly check: () => Promise<void>;
}): Promise<string | undefined> {
  const bytes = readFileSync(work.file);
  const at = randomInt(bytes.length);
  work.counts[work.kind]++;
  if (work.kind === 'removals') rmSync(work.file);
  else if (work.kind === 'cuts') truncateSync(work.file, at);
  else {
    const altered = Buffer.from(bytes);
    altered[at] = (altered[at] ?? 0) ^ (1 << randomInt(8));
    writeFileSync(work.file, altered);
  }
  try {
    await work.check();
    return `${work.kind} at byte ${at} of ${bytes.length} was not found`;
  } catch (error) {
    // Told as what it is, not as a fault of ours.
    const isTold = error instanceof AppError && ['backup_unusable', 'not_found'].includes(error.code);
    return isTold ? undefined : `${work.kind} at byte ${at} was told as ${String(error)}`;
  } finally {
    writeFileSync(work.file, bytes);
  }
}
