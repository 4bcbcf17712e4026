/** Where one can go: a column at the left, a bar at the bottom of a narrow screen. */
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'wouter-preact';
import { href } from '../route.ts';
import { me } from '../session.ts';
import { useApprovals } from '../state/approvals.ts';
import { isMac, keyLabel } from '../ui/keys.ts';
import { navigation } from './pages.ts';
import type { JSX } from 'preact';
import type { NavRow } from './pages.ts';

export function Sidebar(): JSX.Element {
  const [path] = useLocation();
  const approvals = useApprovals(me.value?.orgId ?? '', false).value;
  const counts: Readonly<Record<string, number>> = { '/approvals': approvals?.items.length ?? 0 };
  return (
    <nav class="sidebar" aria-label="Main">
      <ul>
        {navigation.map((row) => (
          <li key={row.path}>
            <NavLink row={row} current={isCurrent(row, path)} count={counts[row.path] ?? 0} />
          </li>
        ))}
      </ul>
    </nav>
  );
}

function isCurrent(row: NavRow, path: string): boolean {
  if (row.path === '/') return path === '/';
  return [row, ...(row.parts ?? [])].some((one) => path === one.path || path.startsWith(`${one.path}/`));
}

function NavLink(props: { readonly row: NavRow; readonly current: boolean; readonly count: number }): JSX.Element {
  const Icon = props.row.icon;
  const link = useRef<HTMLAnchorElement>(null);
  // On a phone the bar is longer than the screen.
  useEffect(() => {
    if (props.current) link.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [props.current]);
  return (
    <a
      ref={link}
      class="nav-link"
      href={href(props.row.path)}
      aria-current={props.current ? 'page' : undefined}
      data-tip={`Go to ${props.row.title}  ${keyLabel(props.row.keys, isMac)}`}
    >
      <Icon size={16} strokeWidth={1.75} aria-hidden="true" />
      <span>{props.row.title}</span>
      {props.count > 0 && (
        <span class="nav-count figures" aria-label={`${props.count} waiting`}>
          {props.count > 99 ? '99+' : props.count}
        </span>
      )}
    </a>
  );
}
