/** The system: what runs beside Studio, where it keeps its data, and the settings of machine and organisation. */
import { call } from '../../api.ts';
import { health } from '../../state/health.ts';
import { useResource } from '../../state/resource.ts';
import { View } from '../../ui/views.tsx';
import { AboutCards } from './about.tsx';
import { ChecksCard } from './checks.tsx';
import { DomainsCard } from './domains.tsx';
import { LimitsCard } from './limits.tsx';
import { MaintenanceCard } from './maintenance.tsx';
import { ServicesCard } from './services.tsx';
import { SettingsCards } from './system-settings.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';

export function SystemSection(props: { readonly user: User }): JSX.Element {
  const settings = useResource((signal) => call('GET /api/v1/settings', { signal }), [], {
    follow: {
      rooms: [`org:${props.user.orgId}`, 'system'],
      cursorOf: () => undefined,
      apply: (value, event) => (event.event_type === 'system:settings:changed' ? 'reload' : value),
    },
  });
  const maintenance = health.value?.maintenance;
  return (
    <>
      <ChecksCard />
      <AboutCards />
      <LimitsCard />
      <ServicesCard mayChange={props.user.role === 'super_admin'} />
      {maintenance !== undefined && props.user.role === 'super_admin' && (
        <MaintenanceCard key={`${maintenance.mode} ${maintenance.message ?? ''}`} state={maintenance} />
      )}
      {props.user.role === 'super_admin' && <DomainsCard />}
      <View of={settings} what="Settings">
        {(value) => <SettingsCards settings={value} user={props.user} onSaved={settings.set} />}
      </View>
    </>
  );
}
