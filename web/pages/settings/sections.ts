/** The sections of the settings: their addresses, words that find them, and who sees them. What each shows: settings.tsx. */
import type { Role } from '../../../src/contract/values.ts';

export interface SettingsSection {
  /** Of its address below /settings; '' is the first. */
  readonly id: string;
  readonly title: string;
  readonly words: string;
  /** The least role that sees it. */
  readonly role: Role;
}

export const settingsSections = [
  { id: '', title: 'Account', words: 'name e-mail password theme', role: 'user' },
  { id: 'devices', title: 'Devices', words: 'sessions signed in browsers', role: 'user' },
  { id: 'keys', title: 'API keys', words: 'tokens curl scopes', role: 'user' },
  { id: 'secrets', title: 'Secrets', words: 'passwords tokens', role: 'user' },
  { id: 'credentials', title: 'Credentials', words: 'accounts providers oauth bearer api key hosts', role: 'user' },
  { id: 'members', title: 'People', words: 'members roles organisation invite suspend deactivate', role: 'admin' },
  { id: 'triggers', title: 'Triggers', words: 'schedules cron webhooks forms pause', role: 'user' },
  { id: 'audit', title: 'Audit', words: 'trail who did what security', role: 'admin' },
  { id: 'storage', title: 'Storage', words: 'retention periods disk sweep organisation', role: 'admin' },
  { id: 'backups', title: 'Backups', words: 'restore export disaster schedule proof', role: 'super_admin' },
  { id: 'orgs', title: 'Organisations', words: 'new create rename import export purge delete certificate gdpr switch', role: 'super_admin' },
  { id: 'system', title: 'System', words: 'version address hosts maintenance limits domains tunnel cloudflare dns', role: 'user' },
  { id: 'configuration', title: 'Configuration', words: 'environment variables .env config reload', role: 'super_admin' },
  { id: 'compliance', title: 'Compliance', words: 'gdpr privacy where data encryption keys retention hosts outgoing report', role: 'super_admin' },
] as const satisfies readonly SettingsSection[];

const RANK: Readonly<Record<Role, number>> = { user: 0, admin: 1, super_admin: 2 };

/** True when who has `role` sees what is for `least`. What they may do the server decides. */
export function mayRead(role: Role, least: Role): boolean {
  return RANK[role] >= RANK[least];
}
