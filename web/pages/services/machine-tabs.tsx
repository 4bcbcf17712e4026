/** Services, what an idle machine does, and what it costs: pages that belong together, each at an address of its own. */
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { LinkTabs } from '../../ui/tabs.tsx';
import type { JSX } from 'preact';

const tabs = [
  { path: '/services', label: 'Services', role: 'user' },
  { path: '/idle', label: 'Idle', role: 'super_admin' },
  { path: '/costs', label: 'Costs', role: 'admin' },
] as const;

export function MachineTabs(props: { readonly current: (typeof tabs)[number]['path'] }): JSX.Element {
  const role = me.value?.role ?? 'user';
  const shown = tabs.filter((tab) => tab.role === 'user' || role === 'super_admin' || (tab.role === 'admin' && role === 'admin'));
  return <LinkTabs label="Services, idle and costs" tabs={shown.map(({ path, label }) => ({ href: href(path), label, current: path === props.current }))} />;
}
