/** The bar at the top: the machine's name, the palette, the state of the live connection, what is unread, the account. */
import { Building2, Keyboard, LogOut, Monitor, Moon, Search, Settings, Sun, User as Person } from 'lucide-preact';
import { live } from '../connection.ts';
import { href } from '../route.ts';
import { logOut } from '../session.ts';
import { useMemberships } from '../state/memberships.ts';
import { goToOrg } from '../state/orgs.ts';
import { KeyHint } from '../ui/button.tsx';
import { Menu } from '../ui/menu.tsx';
import { setTheme, theme } from '../ui/theme.ts';
import { toastError } from '../ui/toast.tsx';
import { Bell } from './bell.tsx';
import { useCommands } from './commands.ts';
import { Logo } from './logo.tsx';
import type { JSX } from 'preact';
import type { User } from '../../src/contract/auth.ts';
import type { LiveState } from '../live.ts';

export interface HeaderProps {
  readonly user: User;
  readonly onPalette: () => void;
  readonly onKeys: () => void;
}

export function Header(props: HeaderProps): JSX.Element {
  return (
    <header class="header">
      <a class="header-brand" href={href('/')}>
        <Logo />
        Studio
      </a>
      <span class="header-place truncate">{window.location.hostname}</span>
      <button type="button" class="header-search" onClick={props.onPalette}>
        <Search size={14} aria-hidden="true" />
        <span class="grow">Search or do…</span>
        <KeyHint keys="mod+k" />
      </button>
      <Connection state={live.state.value} />
      <Bell userId={props.user.id} />
      <Account {...props} />
    </header>
  );
}

const connectionLooks: Readonly<Record<LiveState['kind'], { readonly word: string; readonly tip: string; readonly hue: string }>> = {
  live: { word: 'Live', tip: 'Connected: what you see changes as it happens.', hue: 'ok' },
  connecting: { word: 'Connecting', tip: 'Opening the live connection.', hue: 'queued' },
  polling: { word: 'Polling', tip: 'No socket can be had; Studio is asked every few seconds instead. It returns by itself.', hue: 'retry' },
  lost: { word: 'Offline', tip: 'Studio can’t be reached. What you see may be out of date.', hue: 'failed' },
  ended: { word: 'Ended', tip: 'The session is over.', hue: 'cancelled' },
};

function Connection(props: { readonly state: LiveState }): JSX.Element {
  const look = connectionLooks[props.state.kind];
  return (
    <span class="connection" data-tip={look.tip} data-connection={props.state.kind} role="status" tabIndex={0}>
      <span class="connection-dot" aria-hidden="true" style={{ backgroundColor: `var(--${look.hue}-solid)` }} />
      <span class="connection-word">{look.word}</span>
    </span>
  );
}

function Account(props: HeaderProps): JSX.Element {
  const { user } = props;
  const orgs = useMemberships();
  useCommands(
    orgs.flatMap((org) =>
      org.current ? [] : [{ id: `org:${org.id}`, title: `Switch to ${org.name}`, group: 'Account', words: 'organisation', run: () => enter(org) }],
    ),
  );
  return (
    <Menu
      label="Account"
      heading={
        <>
          <div class="strong">{user.name}</div>
          <div class="faint truncate">{user.email}</div>
          <div class="faint truncate">{user.orgName}</div>
        </>
      }
      items={[
        { label: 'Account', icon: <Settings size={14} />, href: href('/settings') },
        { label: 'Keys', icon: <Keyboard size={14} />, hint: '?', onSelect: props.onKeys },
        ...orgs.map((org, index) => ({
          label: org.name,
          icon: <Building2 size={14} />,
          separated: index === 0,
          checked: org.current,
          onSelect: () => {
            if (!org.current) enter(org);
          },
        })),
        { label: 'Dark', icon: <Moon size={14} />, separated: true, checked: theme.value === 'dark', onSelect: () => setTheme('dark') },
        { label: 'Light', icon: <Sun size={14} />, checked: theme.value === 'light', onSelect: () => setTheme('light') },
        { label: 'As the system', icon: <Monitor size={14} />, checked: theme.value === 'system', onSelect: () => setTheme('system') },
        {
          label: 'Log out',
          icon: <LogOut size={14} />,
          separated: true,
          onSelect: () => void logOut().catch((error: unknown) => toastError('Not logged out', error)),
        },
      ]}
    >
      <Person size={16} aria-hidden="true" />
    </Menu>
  );
}

function enter(org: { readonly id: string; readonly name: string }): void {
  goToOrg(org.id).catch((error: unknown) => toastError(`Not in ${org.name}`, error));
}
