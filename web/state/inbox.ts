/** One's notifications, kept live by one's own room: the list, and how many are unread. */
import { call } from '../api.ts';
import { useResource } from './resource.ts';
import type { Envelope } from '../../src/contract/events.ts';
import type { Notification } from '../../src/contract/notifications.ts';
import type { Resource } from './resource.ts';

interface Unread {
  readonly unread: number;
  readonly cursor: string;
}

const isOfInbox = (event: Envelope): boolean => event.entity_kind === 'notification';

/** For the bell: reads one row, then counts by events. */
export function useUnread(userId: string): Resource<Unread> {
  return useResource<Unread>(
    async (signal) => {
      const { unread, cursor } = await call('GET /api/v1/notifications', { query: { limit: 1, unread: 'true' }, signal });
      return { unread, cursor };
    },
    [userId],
    {
      follow: {
        rooms: [`user:${userId}`],
        // Of another organisation's inbox too: only a snapshot says what this one holds.
        apply: (value, event) => (isOfInbox(event) ? 'reload' : value),
      },
    },
  );
}

/** As many as a page of the API holds; older ones stay readable by it. */
const SHOWN = 200;

export interface Inbox extends Unread {
  readonly items: readonly Notification[];
  readonly next: string | null;
}

export function useInbox(userId: string): Resource<Inbox> {
  return useResource<Inbox>((signal) => call('GET /api/v1/notifications', { query: { limit: SHOWN }, signal }), [userId], {
    follow: { rooms: [`user:${userId}`], apply: (value, event) => (isOfInbox(event) ? 'reload' : value) },
  });
}
