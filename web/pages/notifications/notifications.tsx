/** One's notifications; for administrators also what is sent to webhooks and by e-mail. */
import { Bell, CheckCheck } from 'lucide-preact';
import { call } from '../../api.ts';
import { go, href } from '../../route.ts';
import { me } from '../../session.ts';
import { useAction } from '../../state/action.ts';
import { useInbox, type Inbox } from '../../state/inbox.ts';
import { Button } from '../../ui/button.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import { Page } from '../../ui/page.tsx';
import { Stacked, STACKED_ROW_PX } from '../../ui/stacked.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { LinkTabs } from '../../ui/tabs.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { DeliveriesView } from './deliveries.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { Notification } from '../../../src/contract/notifications.ts';
import type { Resource } from '../../state/resource.ts';
import type { Column } from '../../ui/table.tsx';

export function NotificationsPage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element | null {
  const user = me.value;
  if (user === undefined) return null;
  const isAdmin = user.role !== 'user';
  return props.params['section'] === 'deliveries' && isAdmin ? (
    <Page title="Deliveries" layout="fill" toolbar={<NotificationTabs current="deliveries" />}>
      <DeliveriesView />
    </Page>
  ) : (
    <InboxPage user={user} isAdmin={isAdmin} />
  );
}

function NotificationTabs(props: { readonly current: 'inbox' | 'deliveries' }): JSX.Element {
  const tabs = [
    { href: href('/notifications'), label: 'Inbox', current: props.current === 'inbox' },
    { href: href('/notifications/deliveries'), label: 'Deliveries', current: props.current === 'deliveries' },
  ];
  return <LinkTabs label="Notifications" tabs={tabs} />;
}

function InboxPage(props: { readonly user: User; readonly isAdmin: boolean }): JSX.Element {
  const inbox = useInbox(props.user.id);
  const readAll = useAction(async () => {
    await call('POST /api/v1/notifications/read-all', {});
    inbox.reload();
  });
  const unread = inbox.value?.unread ?? 0;
  return (
    <Page
      title="Notifications"
      layout="fill"
      toolbar={props.isAdmin ? <NotificationTabs current="inbox" /> : undefined}
      actions={
        <Button icon={<CheckCheck size={14} />} disabled={unread === 0} busy={readAll.busy} onClick={() => void readAll.run()}>
          Mark all read
        </Button>
      }
    >
      <View of={inbox} what="notifications">
        {(page) => <Rows page={page} inbox={inbox} />}
      </View>
    </Page>
  );
}

/** What a row is of: a status that a workflow reached, or words. */
const kindLooks: Readonly<Record<Notification['kind'], { readonly status: string; readonly word: string }>> = {
  failed: { status: 'failed', word: 'Failed' },
  completed: { status: 'completed', word: 'Completed' },
  cancelled: { status: 'cancelled', word: 'Cancelled' },
  waiting_approval: { status: 'waiting', word: 'Approval' },
  message: { status: 'unknown', word: 'Message' },
  test: { status: 'unknown', word: 'Test' },
};

const columns: readonly Column<Notification>[] = [
  { key: 'kind', title: 'Kind', width: '112px', render: ({ kind }) => <StatusChip {...kindLooks[kind]} /> },
  { key: 'title', title: 'What', render: (row) => <Title row={row} /> },
  { key: 'body', title: 'More', minor: true, render: (row) => <span class="truncate muted">{row.body.replaceAll('\n', ' · ')}</span> },
  { key: 'at', title: 'When', width: '96px', align: 'end', render: (row) => <RelativeTime at={row.createdAt} /> },
];

const narrowColumns: readonly Column<Notification>[] = [
  {
    key: 'title',
    title: 'What',
    render: (row) => (
      <Stacked title={<Title row={row} />}>
        <StatusChip {...kindLooks[row.kind]} />
        <RelativeTime at={row.createdAt} />
        <span class="truncate">{row.body.replaceAll('\n', ' · ')}</span>
      </Stacked>
    ),
  },
];

function Title({ row }: { readonly row: Notification }): JSX.Element {
  return (
    <span class={row.readAt === null ? 'strong' : undefined} data-tip={row.body === '' ? undefined : row.body}>
      {row.title}
      {row.readAt === null && <span class="visually-hidden"> (unread)</span>}
    </span>
  );
}

function Rows(props: { readonly page: Inbox; readonly inbox: Resource<Inbox> }): JSX.Element {
  const open = (row: Notification): void => {
    if (row.readAt === null)
      call('POST /api/v1/notifications/{id}/read', { params: { id: row.id } })
        .then(props.inbox.reload)
        .catch((error: unknown) => toastError('Not marked as read', error));
    const target = placeOf(row);
    if (target !== undefined) go(target);
  };
  return (
    <Table
      density="normal"
      label="Notifications"
      columns={isNarrow.value ? narrowColumns : columns}
      narrowRowPx={STACKED_ROW_PX}
      rows={props.page.items}
      rowKey={(row) => row.id}
      onOpen={open}
      empty={
        <Empty title="Nothing to tell" icon={<Bell size={24} strokeWidth={1.5} />}>
          When a workflow of yours fails or waits for approval, it is said here. What else, and to whom, is in the workflow’s settings.notify.
        </Empty>
      }
    />
  );
}

function placeOf(row: Notification): string | undefined {
  if (row.instanceId !== null) return `/instances/${row.instanceId}${row.stepPath === null ? '' : `?step=${encodeURIComponent(row.stepPath)}`}`;
  if (row.count > 1) return `/instances?filter=${encodeURIComponent(`workflow:${row.workflowId} status:${row.kind}`)}`;
  return row.workflowId === null ? undefined : `/workflows/${row.workflowId}`;
}
