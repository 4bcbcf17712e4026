/** Settings: one page of sections, each an address of its own. */
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { Page } from '../../ui/page.tsx';
import { LinkTabs } from '../../ui/tabs.tsx';
import { Empty } from '../../ui/views.tsx';
import { AccountSection } from './account.tsx';
import { AuditSection } from './audit.tsx';
import { CredentialsSection } from './credentials.tsx';
import { ComplianceSection } from './compliance.tsx';
import { ConfigurationSection } from './configuration.tsx';
import { DevicesSection } from './devices.tsx';
import { BackupsSection } from './backups.tsx';
import { ApiKeysSection } from './api-keys.tsx';
import { MembersSection } from './members.tsx';
import { OrgsSection } from './orgs.tsx';
import { mayRead, settingsSections } from './sections.ts';
import { SecretsSection } from './secrets.tsx';
import { StorageSection } from './storage.tsx';
import { SystemSection } from './system.tsx';
import { TriggersSection } from './triggers.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';

const views: Readonly<Record<(typeof settingsSections)[number]['id'], (user: User) => JSX.Element>> = {
  '': (user) => <AccountSection user={user} />,
  devices: () => <DevicesSection />,
  keys: () => <ApiKeysSection />,
  secrets: (user) => <SecretsSection user={user} />,
  credentials: (user) => <CredentialsSection user={user} />,
  members: (user) => <MembersSection user={user} />,
  triggers: (user) => <TriggersSection user={user} />,
  audit: () => <AuditSection />,
  storage: (user) => <StorageSection user={user} />,
  backups: () => <BackupsSection />,
  orgs: () => <OrgsSection />,
  system: (user) => <SystemSection user={user} />,
  configuration: () => <ConfigurationSection />,
  compliance: () => <ComplianceSection />,
};

export function SettingsPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element | null {
  const user = me.value;
  if (user === undefined) return null;
  const shown = settingsSections.filter(({ role }) => mayRead(user.role, role));
  const current = shown.find((section) => section.id === (props.params['section'] ?? ''));
  const tabs = shown.map((section) => ({
    href: href(section.id === '' ? '/settings' : `/settings/${section.id}`),
    label: section.title,
    current: section === current,
  }));
  return (
    <Page title="Settings" toolbar={<LinkTabs label="Settings" tabs={tabs} />}>
      <div class="settings">
        {current === undefined ? <Empty title="There is no such section">It may be for administrators only.</Empty> : views[current.id](user)}
      </div>
    </Page>
  );
}
