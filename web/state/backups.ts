/** Backups and what goes on with them. */
import { call } from '../api.ts';
import { applyBackupEvent } from './backup-words.ts';
import { useResource } from './resource.ts';
import type { Resource } from './resource.ts';
import type { BackupList } from '../../src/contract/backups.ts';

/** The list, followed live: progress is applied as it is told, all else is read again. */
export function useBackups(): Resource<BackupList> {
  return useResource((signal) => call('GET /api/v1/backups', { signal }), [], { follow: { rooms: ['system'], apply: applyBackupEvent } });
}
