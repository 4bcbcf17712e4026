/** How classes of the disk and what is due of them are called. Pure. */
import { formatBytes, formatNumber } from '../../ui/format.ts';
import type { RetentionClass } from '../../../src/contract/disk.ts';

export const classWords: Readonly<Record<RetentionClass, string>> = {
  jobs: 'Jobs that ended',
  artifacts: 'Artifacts of jobs',
  audit: 'Audit entries',
  notifications: 'Notifications',
  deliveries: 'Sent messages',
  downloads: 'Past downloads',
};

/** "Would delete 3 of 12, frees 4 MiB." */
export function dueWords(due: { readonly of: number; readonly rows: number; readonly bytes: number }): string {
  if (due.rows === 0) return `Nothing of ${formatNumber(due.of)} would be deleted.`;
  return `Would delete ${formatNumber(due.rows)} of ${formatNumber(due.of)}, frees ${formatBytes(due.bytes)}.`;
}
