/** Models, what was used of them, and who may use what: pages that belong together, each at an address of its own. */
import { href } from '../../route.ts';
import { LinkTabs } from '../../ui/tabs.tsx';
import type { JSX } from 'preact';

const tabs = [
  { path: '/models', label: 'Models' },
  { path: '/model-usage', label: 'Usage' },
  { path: '/model-access', label: 'Names and limits' },
] as const;

export function ModelTabs(props: { readonly current: (typeof tabs)[number]['path'] }): JSX.Element {
  return <LinkTabs label="Models, usage and limits" tabs={tabs.map(({ path, label }) => ({ href: href(path), label, current: path === props.current }))} />;
}
