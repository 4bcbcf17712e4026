/** What an entry of the audit trail says beside its action, in one line. Pure. */
import type { AuditEntry } from '../../../src/contract/audit.ts';

/** `name: CI, scopes: jobs:read, jobs:run`. Values that are no words stand as JSON. */
export function detailWords({ details }: Pick<AuditEntry, 'details'>): string {
  return Object.entries(details)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${name}: ${wordsOf(value)}`)
    .join(', ');
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(wordsOf).join(', ');
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
