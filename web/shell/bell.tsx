/** The bell in the header: how many notifications are unread, live, and the way to them. */
import { Bell as Icon } from 'lucide-preact';
import { href } from '../route.ts';
import { useUnread } from '../state/inbox.ts';
import type { JSX } from 'preact';

export function Bell(props: { readonly userId: string }): JSX.Element {
  const unread = useUnread(props.userId).value?.unread ?? 0;
  const label = unread === 0 ? 'Notifications' : `Notifications, ${unread} unread`;
  return (
    <a class="bell btn btn-icon btn-quiet btn-size-normal" href={href('/notifications')} aria-label={label} data-tip={label}>
      <Icon size={16} aria-hidden="true" />
      {unread > 0 && (
        <span class="bell-count" aria-hidden="true">
          {unread > 99 ? '99+' : unread}
        </span>
      )}
    </a>
  );
}
