/** The commands that every page has: going places, the palette, the sheet of keys, the theme, logging out. */
import { go } from '../route.ts';
import { mayRead } from '../pages/settings/sections.ts';
import { logOut, me } from '../session.ts';
import { useMemberships } from '../state/memberships.ts';
import { goToOrg } from '../state/orgs.ts';
import { setTheme } from '../ui/theme.ts';
import { toastError } from '../ui/toast.tsx';
import { useCommands } from './commands.ts';
import { navigation } from './pages.ts';
import type { Command } from './commands.ts';

export function useShellCommands(open: { readonly onPalette: () => void; readonly onKeys: () => void }): void {
  const places: readonly Command[] = navigation.map((row) => ({
    id: `go:${row.path}`,
    title: row.title,
    group: 'Go to',
    keys: row.keys,
    words: row.words,
    run: () => go(row.path),
  }));
  const role = me.value?.role ?? 'user';
  const parts: readonly Command[] = navigation
    .flatMap((row) => row.parts ?? [])
    .filter((part) => mayRead(role, part.role ?? 'user'))
    .map((part) => ({ id: `go:${part.path}`, title: part.title, group: 'Go to', words: part.words, run: () => go(part.path) }));
  const orgs: readonly Command[] = useMemberships()
    .filter((org) => !org.current)
    .map((org) => ({
      id: `org:${org.id}`,
      title: `Organisation: ${org.name}`,
      group: 'Account',
      words: 'switch change organisation',
      run: () => void goToOrg(org.id).catch((error: unknown) => toastError(`Not in ${org.name}`, error)),
    }));
  useCommands([
    ...orgs,
    ...places,
    ...parts,
    { id: 'go:notifications', title: 'Notifications', group: 'Go to', keys: 'g b', words: 'inbox bell unread failures', run: () => go('/notifications') },
    { id: 'go:deliveries', title: 'Notification deliveries', group: 'Go to', words: 'webhooks e-mail sent', run: () => go('/notifications/deliveries') },
    { id: 'palette', title: 'Command palette', group: 'Everywhere', keys: 'mod+k', run: open.onPalette },
    { id: 'keys', title: 'Show the keys', group: 'Everywhere', keys: '?', words: 'shortcuts help', run: open.onKeys },
    { id: 'actions', title: 'Actions of this page', group: 'Everywhere', keys: '.', run: open.onPalette },
    { id: 'theme:dark', title: 'Dark theme', group: 'Appearance', run: () => setTheme('dark') },
    { id: 'theme:light', title: 'Light theme', group: 'Appearance', run: () => setTheme('light') },
    { id: 'theme:system', title: 'Theme of the system', group: 'Appearance', run: () => setTheme('system') },
    {
      id: 'logout',
      title: 'Log out',
      group: 'Account',
      words: 'sign out',
      run: () => void logOut().catch((error: unknown) => toastError('Not logged out', error)),
    },
  ]);
}
