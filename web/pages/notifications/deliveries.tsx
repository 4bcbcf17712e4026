/** What is sent to webhooks and by e-mail: where it stands, why it failed, and the way to send it again. */
import { RotateCw, Send } from 'lucide-preact';
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { IconButton } from '../../ui/button.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import { Stacked, STACKED_ROW_PX } from '../../ui/stacked.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { Delivery } from '../../../src/contract/notifications.ts';
import type { Column } from '../../ui/table.tsx';

/** They have no events of their own. */
const EVERY_MS = 5_000;

const looks: Readonly<Record<Delivery['status'], { readonly status: string; readonly word: string }>> = {
  queued: { status: 'queued', word: 'Queued' },
  sent: { status: 'completed', word: 'Sent' },
  failed: { status: 'retrying', word: 'Tried again' },
  dead: { status: 'dead', word: 'Given up' },
};

export function DeliveriesView(): JSX.Element {
  const deliveries = useResource((signal) => call('GET /api/v1/notifications/deliveries', { query: { limit: 200 }, signal }), [], { everyMs: EVERY_MS });
  const again = async (row: Delivery): Promise<void> => {
    try {
      await call('POST /api/v1/notifications/deliveries/{id}/retry', { params: { id: row.id } });
      toast({ text: 'It is sent again' });
    } catch (error) {
      toastError('It was not sent again', error);
    }
    deliveries.reload();
  };
  const againColumn: Column<Delivery> = {
    key: 'again',
    title: 'Send again',
    hideTitle: true,
    width: '56px',
    align: 'end',
    render: (row) =>
      (row.status === 'dead' || row.status === 'failed') && (
        <IconButton size="small" label="Send again" icon={<RotateCw size={14} />} onClick={() => void again(row)} />
      ),
  };
  const columns: readonly Column<Delivery>[] = [
    { key: 'status', title: 'Status', width: '128px', render: (row) => <StatusChip {...looks[row.status]} /> },
    {
      key: 'target',
      title: 'To',
      render: (row) => (
        <span class="mono truncate" data-tip={row.target}>
          {row.target}
        </span>
      ),
    },
    { key: 'title', title: 'What', minor: true, render: (row) => <span class="truncate">{row.title}</span> },
    {
      key: 'error',
      title: 'Last error',
      minor: true,
      render: (row) => (
        <span class="truncate muted" data-tip={row.lastError ?? undefined}>
          {row.lastError ?? ''}
        </span>
      ),
    },
    { key: 'attempts', title: 'Attempts', width: '80px', align: 'end', minor: true, render: (row) => <span class="figures">{row.attempts}</span> },
    { key: 'at', title: 'When', width: '96px', align: 'end', render: (row) => <RelativeTime at={row.createdAt} /> },
    againColumn,
  ];
  return (
    <View of={deliveries} what="deliveries">
      {(page) => (
        <Table
          density="normal"
          label="Deliveries"
          columns={isNarrow.value ? [narrowColumn, againColumn] : columns}
          narrowRowPx={STACKED_ROW_PX}
          rows={page.items}
          rowKey={(row) => row.id}
          empty={
            <Empty title="Nothing was sent" icon={<Send size={24} strokeWidth={1.5} />}>
              Messages to webhooks and by e-mail, for 30 days after they were sent or given up.
            </Empty>
          }
        />
      )}
    </View>
  );
}

const narrowColumn: Column<Delivery> = {
  key: 'target',
  title: 'To',
  render: (row) => (
    <Stacked title={<span class="mono">{row.target}</span>}>
      <StatusChip {...looks[row.status]} />
      <RelativeTime at={row.createdAt} />
      <span class="truncate">{row.lastError ?? row.title}</span>
    </Stacked>
  ),
};
