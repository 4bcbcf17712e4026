/** Where one is signed in, and how to end it there. */
import { useSignal } from '@preact/signals';
import { Monitor, Terminal } from 'lucide-preact';
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Card } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { deviceName } from './device-name.ts';
import type { JSX } from 'preact';
import type { Session } from '../../../src/contract/auth.ts';
import type { Column } from '../../ui/table.tsx';

export function DevicesSection(): JSX.Element {
  const sessions = useResource((signal) => call('GET /api/v1/auth/sessions', { query: { limit: 200 }, signal }), []);
  const ending = useSignal<readonly Session[] | undefined>(undefined);
  const end = async (list: readonly Session[]): Promise<void> => {
    // Serial: a refusal names its device.
    for (const session of list) await call('DELETE /api/v1/auth/sessions/{id}', { params: { id: session.id } });
    toast({ text: list.length === 1 ? 'Logged out there' : `Logged out on ${list.length} devices` });
    sessions.reload();
  };
  const columns: readonly Column<Session>[] = [
    { key: 'device', title: 'Device', render: (session) => <Device session={session} /> },
    { key: 'address', title: 'Address', width: '150px', minor: true, render: (session) => <span class="mono muted">{session.address}</span> },
    { key: 'since', title: 'Since', width: '100px', align: 'end', minor: true, render: (session) => <RelativeTime at={session.createdAt} /> },
    { key: 'seen', title: 'Last seen', width: '100px', align: 'end', render: (session) => <RelativeTime at={session.lastSeenAt} /> },
    {
      key: 'end',
      title: 'Log out',
      hideTitle: true,
      width: '96px',
      align: 'end',
      render: (session) =>
        session.current ? (
          <span class="tag">This one</span>
        ) : (
          <Button size="small" onClick={() => (ending.value = [session])}>
            Log out
          </Button>
        ),
    },
  ];
  return (
    <View of={sessions} what="Devices">
      {(page) => {
        const others = page.items.filter((session) => !session.current);
        return (
          <Card
            title="Signed-in devices"
            flush
            aside={
              others.length > 0 && (
                <Button size="small" kind="danger" onClick={() => (ending.value = others)}>
                  Log out everywhere else
                </Button>
              )
            }
          >
            <Table
              inline
              density="normal"
              label="Signed-in devices"
              columns={columns}
              rows={page.items}
              rowKey={(session) => session.id}
              empty={<Empty title="No devices" />}
            />
            {ending.value !== undefined && (
              <Confirm
                title={ending.value.length === 1 ? 'Log this device out?' : `Log ${ending.value.length} devices out?`}
                action="Log out"
                danger
                onConfirm={() => end(ending.value ?? [])}
                onClose={() => (ending.value = undefined)}
              >
                It takes effect within two seconds. What runs goes on.
              </Confirm>
            )}
          </Card>
        );
      }}
    </View>
  );
}

function Device({ session }: { readonly session: Session }): JSX.Element {
  const Icon = session.client === 'web' ? Monitor : Terminal;
  return (
    <span class="row">
      <Icon size={14} class="faint" aria-hidden="true" />
      <span class="truncate" data-tip={session.userAgent}>
        {deviceName(session.userAgent)}
      </span>
    </span>
  );
}
