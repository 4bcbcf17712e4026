/** Charts, alerts and logs of the machine: pages that belong together, each at an address of its own. */
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { LinkTabs } from '../../ui/tabs.tsx';
import type { JSX } from 'preact';

const tabs = [
  { path: '/monitoring', label: 'Charts' },
  { path: '/alerts', label: 'Alerts' },
  { path: '/logs', label: 'Logs' },
] as const;

export function MonitoringTabs(props: { readonly current: (typeof tabs)[number]['path'] }): JSX.Element {
  // Logs tell of every organisation.
  const shown = tabs.filter((tab) => tab.path !== '/logs' || me.value?.role === 'super_admin');
  return <LinkTabs label="Charts, alerts and logs" tabs={shown.map(({ path, label }) => ({ href: href(path), label, current: path === props.current }))} />;
}
