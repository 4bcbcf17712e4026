/** Whether every byte of a backup still is what was written, without unpacking anything. Quick enough to be done before a restore touches anything. */
import { contentPath, readFileList } from './file-list.ts';
import type { BackupKey } from './crypt.ts';
import { partsOf, type Manifest } from './manifest.ts';
import { checkStored } from './part.ts';
import type { Place } from './place.ts';
import type { Progress } from '../kernel/progress.ts';

export interface CheckOptions {
  readonly place: Place;
  readonly manifest: Manifest;
  readonly key: BackupKey | undefined;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** @throws AppError backup_unusable at the first byte that is another, naming its part */
export async function checkBackup(options: CheckOptions): Promise<void> {
  const { place, manifest, key, signal, progress } = options;
  const parts = partsOf(manifest);
  progress.enter(
    'check',
    parts.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  for (const part of parts) {
    await checkStored(place, part.path, part, signal); // Serial: one disk, one line.
    progress.add(part.bytes, part.name);
  }
  progress.enter('check files', manifest.files.bytes);
  for await (const file of readFileList({ place, manifest, key, signal })) {
    await checkStored(place, contentPath(manifest.workspaceId, file.sha256, key), file.stored, signal);
    progress.add(file.bytes);
  }
}
