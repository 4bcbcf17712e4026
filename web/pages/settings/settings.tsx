/** Settings: one page of sections, each an address of its own. */
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { Page } from '../../ui/page.tsx';
import { LinkTabs } from '../../ui/tabs.tsx';
import { Empty } from '../../ui/views.tsx';
import { AccountSection } from './account.tsx';
import { AuditSection } from './audit.tsx';
import { DevicesSection } from './devices.tsx';
import { ApiKeysSection } from './api-keys.tsx';
import { MembersSection } from './members.tsx';
import { SecretsSection } from './secrets.tsx';
import { StorageSection } from './storage.tsx';
import { SystemSection } from './system.tsx';
import { TriggersSection } from './triggers.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';

interface Section {
  readonly id: string;
  readonly title: string;
  readonly show: (user: User) => JSX.Element;
  /** The least role that sees it; default everybody. */
  readonly role?: 'admin' | 'super_admin';
}

const sections: readonly Section[] = [
  { id: '', title: 'Account', show: (user) => <AccountSection user={user} /> },
  { id: 'devices', title: 'Devices', show: () => <DevicesSection /> },
  { id: 'keys', title: 'API keys', show: () => <ApiKeysSection /> },
  { id: 'secrets', title: 'Secrets', show: (user) => <SecretsSection user={user} /> },
  { id: 'members', title: 'Members', show: (user) => <MembersSection user={user} />, role: 'admin' },
  { id: 'triggers', title: 'Triggers', show: (user) => <TriggersSection user={user} /> },
  { id: 'audit', title: 'Audit', show: () => <AuditSection />, role: 'admin' },
  { id: 'storage', title: 'Storage', show: () => <StorageSection />, role: 'super_admin' },
  { id: 'system', title: 'System', show: (user) => <SystemSection user={user} /> },
];

export function SettingsPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element | null {
  const user = me.value;
  if (user === undefined) return null;
  const shown = sections.filter(({ role }) => role === undefined || user.role === 'super_admin' || user.role === role);
  const current = shown.find((section) => section.id === (props.params['section'] ?? ''));
  const tabs = shown.map((section) => ({
    href: href(section.id === '' ? '/settings' : `/settings/${section.id}`),
    label: section.title,
    current: section === current,
  }));
  return (
    <Page title="Settings" toolbar={<LinkTabs label="Settings" tabs={tabs} />}>
      <div class="settings">
        {current === undefined ? <Empty title="There is no such section">It may be for administrators only.</Empty> : current.show(user)}
      </div>
    </Page>
  );
}
