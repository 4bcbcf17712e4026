/** Backups in words, and their list after an event. Pure. */
import { formatBytes, formatDuration } from '../ui/format.ts';
import type { Backup, BackupList, BackupProgress } from '../../src/contract/backups.ts';
import type { Envelope } from '../../src/contract/events.ts';

/** The list after an event. */
export function applyBackupEvent(list: BackupList, event: Pick<Envelope, 'event_type' | 'entity_id' | 'payload'>): BackupList | 'reload' {
  if (!event.event_type.startsWith('ops:backup:')) return list;
  const { work } = list;
  if (event.event_type !== 'ops:backup:progress') return 'reload';
  if (work === null || work.id !== event.entity_id) return 'reload';
  return { ...list, work: { ...work, progress: event.payload['progress'] as BackupProgress } };
}

const PHASES: Readonly<Record<string, string>> = {
  starting: 'Begins',
  database: 'Reading the database',
  files: 'Copying files',
  finish: 'Writing the manifest',
  check: 'Checking every byte',
  'check files': 'Checking every file',
  cluster: 'Copying the files of PostgreSQL',
  witness: 'Counting every row',
  unpack: 'Unpacking the files of PostgreSQL',
  replay: 'Replaying its log',
  read: 'Reading every row',
  load: 'Restoring into a throw-away database',
  compare: 'Comparing every row',
  run: 'Running a workflow on the copy',
};

export function phaseWords(progress: BackupProgress): string {
  return PHASES[progress.phase] ?? progress.phase;
}

/** `1.2 GiB of 4 GiB, 80 MiB/s, 35 s left`; '' while nothing is known. */
export function progressWords({ doneBytes, totalBytes, rate, leftMs }: BackupProgress): string {
  if (totalBytes === null || totalBytes === 0) return '';
  const parts = [`${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`];
  if (rate !== null) parts.push(`${formatBytes(rate)}/s`);
  if (leftMs !== null) parts.push(`${formatDuration(leftMs)} left`);
  return parts.join(', ');
}

/** What is known of a backup's worth. */
export function worthOf(backup: Backup): { readonly word: string; readonly tone: 'good' | 'bad' | 'unknown'; readonly why: string } {
  if (backup.status === 'damaged') return { word: 'Damaged', tone: 'bad', why: backup.fault ?? '' };
  if (backup.proof === null) return { word: 'Not proved', tone: 'unknown', why: 'It was never restored to try it.' };
  if (!backup.proof.ok) return { word: 'No good', tone: 'bad', why: backup.proof.message };
  return { word: 'Proved', tone: 'good', why: backup.proof.message };
}

/** What a backup is, and where it can go back to. */
export function kindWords({ kind, postgresMajor }: Pick<Backup, 'kind' | 'postgresMajor'>): string {
  return kind === 'logical' ? 'Logical: restores onto any PostgreSQL from 15 on' : `Physical: restores onto PostgreSQL ${postgresMajor ?? ''} only`;
}

/** For who chooses. */
export function kindHint(kind: Backup['kind']): string {
  return kind === 'logical'
    ? 'Every table as text. Also for a newer PostgreSQL, another kind of machine, or a database elsewhere.'
    : 'The files of PostgreSQL themselves. Only for the same major version on the same kind of machine: keep a logical one, too.';
}

/** The command that restores it. */
export function restoreCommand(backup: Pick<Backup, 'id' | 'isEncrypted'>): string {
  return `studio backup restore ${backup.id}${backup.isEncrypted ? ' --passphrase-file FILE' : ''}`;
}
