/** Pending invitations: who was invited as what, by whom, until when; sent again with a new link, or revoked. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { Select } from '../../ui/field.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import { InviteLink } from './invite-person.tsx';
import { roleOptions } from './roles.ts';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { Invite, IssuedInvite } from '../../../src/contract/invites.ts';
import type { Role } from '../../../src/contract/values.ts';
import type { Column } from '../../ui/table.tsx';

export function PendingInvites(props: { readonly user: User }): JSX.Element {
  const invites = useResource((signal) => call('GET /api/v1/orgs/current/invites', { query: { limit: 200 }, signal }), [], {
    follow: { rooms: [`org:${props.user.orgId}`], apply: (value, event) => (event.event_type === 'identity:member:changed' ? 'reload' : value) },
  });
  const issued = useSignal<IssuedInvite | undefined>(undefined);
  const revoking = useSignal<Invite | undefined>(undefined);
  const resend = async ({ id, email }: Invite): Promise<void> => {
    try {
      issued.value = await call('POST /api/v1/orgs/current/invites/{id}/resend', { params: { id } });
    } catch (error) {
      toastError(`${email} was not invited again`, error);
    }
    invites.reload();
  };
  const changeRole = async ({ id, email }: Invite, role: Role): Promise<void> => {
    try {
      await call('PATCH /api/v1/orgs/current/invites/{id}', { params: { id }, body: { role } });
    } catch (error) {
      toastError(`The role of ${email} was not changed`, error);
    }
    invites.reload();
  };
  const revoke = async ({ id, email }: Invite): Promise<void> => {
    await call('DELETE /api/v1/orgs/current/invites/{id}', { params: { id } });
    toast({ text: `${email} is not invited any more` });
    invites.reload();
  };
  const columns: readonly Column<Invite>[] = [
    { key: 'email', title: 'E-mail', render: (invite) => <span class="truncate">{invite.email}</span> },
    {
      key: 'role',
      title: 'Role',
      width: '160px',
      render: (invite) => (
        <Select
          label={`Role of ${invite.email}`}
          value={invite.role}
          options={roleOptions(props.user.role, invite.role)}
          onChange={(role) => void changeRole(invite, role)}
        />
      ),
    },
    { key: 'state', title: 'State', width: '120px', minor: true, render: (invite) => <State invite={invite} /> },
    { key: 'by', title: 'By', width: '140px', minor: true, render: (invite) => <span class="truncate">{invite.invitedBy.name}</span> },
    { key: 'sent', title: 'Sent', width: '100px', align: 'end', minor: true, render: (invite) => <RelativeTime at={invite.sentAt} /> },
    {
      key: 'actions',
      title: 'Actions',
      hideTitle: true,
      width: '52px',
      align: 'end',
      render: (invite) => (
        <Menu
          label={`Actions for ${invite.email}`}
          buttonClass="btn btn-icon btn-quiet btn-size-small"
          items={[
            { label: 'Send a new link', onSelect: () => void resend(invite) },
            { label: 'Revoke…', danger: true, onSelect: () => (revoking.value = invite) },
          ]}
        >
          ⋯
        </Menu>
      ),
    },
  ];
  return (
    <>
      <View of={invites} what="Invitations">
        {({ items }) =>
          items.length === 0 ? null : (
            <Card title="Invitations" flush>
              <Table inline density="normal" label="Invitations" columns={columns} rows={items} rowKey={(invite) => invite.id} />
            </Card>
          )
        }
      </View>
      {issued.value !== undefined && <InviteLink issued={issued.value} onClose={() => (issued.value = undefined)} />}
      {revoking.value !== undefined && <Revoke invite={revoking.value} onRevoke={revoke} onClose={() => (revoking.value = undefined)} />}
    </>
  );
}

const stateTips: Readonly<Record<Invite['state'], string | undefined>> = {
  pending: undefined,
  expired: 'The link’s time is over. Send a new one.',
  void: 'Who invited may no longer give this role. Send a new link in your own name.',
};

function State({ invite }: { readonly invite: Invite }): JSX.Element {
  return (
    <span data-tip={stateTips[invite.state]}>
      <StatusChip bare status={invite.state === 'pending' ? 'invited' : invite.state} />
    </span>
  );
}

function Revoke(props: { readonly invite: Invite; readonly onRevoke: (invite: Invite) => Promise<void>; readonly onClose: () => void }): JSX.Element {
  return (
    <Confirm
      title={`Revoke the invitation of ${props.invite.email}?`}
      action="Revoke"
      danger
      onConfirm={() => props.onRevoke(props.invite)}
      onClose={props.onClose}
    >
      The link that was sent opens nothing any more.
    </Confirm>
  );
}
