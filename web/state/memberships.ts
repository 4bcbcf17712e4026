/** The organisations one is a member of: asked once the page has come to rest, shown where there is more than one. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../api.ts';
import { me } from '../session.ts';
import { whenIdle } from './when-idle.ts';
import type { ReplyOf } from '../../src/contract/index.ts';

type Membership = ReplyOf<'GET /api/v1/users/me/orgs'>['items'][number];

const known = signal<{ readonly userId: string; readonly orgs: readonly Membership[] } | undefined>(undefined);

/** Empty while one is in a single organisation, or nobody answered: nothing hangs on it. */
export function useMemberships(): readonly Membership[] {
  const userId = me.value?.id;
  useEffect(() => {
    if (userId === undefined || known.peek()?.userId === userId) return undefined;
    known.value = { userId, orgs: [] };
    return whenIdle(() => void ask(userId));
  }, [userId]);
  const orgs = known.value?.userId === userId ? (known.value?.orgs ?? []) : [];
  return orgs.length > 1 ? orgs : [];
}

/** Asks again: one was made, named or left. */
export function askMemberships(): void {
  const userId = me.peek()?.id;
  if (userId !== undefined) void ask(userId);
}

async function ask(userId: string): Promise<void> {
  try {
    const { items } = await call('GET /api/v1/users/me/orgs', {});
    known.value = { userId, orgs: items };
  } catch {
    // Asked again when the page is loaded the next time.
    known.value = undefined;
  }
}
