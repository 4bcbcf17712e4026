/** The people of the organisation: invite or add them, change a role, shut out for a while or for good, remove. */
import { useSignal } from '@preact/signals';
import { MailPlus, Plus } from 'lucide-preact';
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Select } from '../../ui/field.tsx';
import { Menu } from '../../ui/menu.tsx';
import { isNarrow } from '../../ui/narrow.ts';
import { Card } from '../../ui/page.tsx';
import { Stacked, STACKED_ROW_PX } from '../../ui/stacked.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import { useCommands } from '../../shell/commands.ts';
import { AddMember } from './add-member.tsx';
import { InvitePerson } from './invite-person.tsx';
import { PendingInvites } from './invites.tsx';
import { ShutOut } from './shut-out.tsx';
import { roleOptions } from './roles.ts';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { Member } from '../../../src/contract/members.ts';
import type { Column } from '../../ui/table.tsx';

export function MembersSection(props: { readonly user: User }): JSX.Element {
  const members = useResource((signal) => call('GET /api/v1/orgs/current/members', { query: { limit: 200 }, signal }), [], {
    follow: { rooms: [`org:${props.user.orgId}`], apply: (value, event) => (event.event_type === 'identity:member:changed' ? 'reload' : value) },
  });
  const adding = useSignal(false);
  const inviting = useSignal(false);
  const removing = useSignal<Member | undefined>(undefined);
  const shutting = useSignal<{ readonly member: Member; readonly status: 'suspended' | 'deactivated' } | undefined>(undefined);
  useCommands([
    { id: 'members:invite', title: 'Invite a person', group: 'This page', keys: 'i', run: () => (inviting.value = true) },
    { id: 'members:add', title: 'Add a person with a temporary password', group: 'This page', run: () => (adding.value = true) },
  ]);
  const change = async (member: Member, body: { role?: Member['role']; status?: Member['status'] }): Promise<void> => {
    try {
      await call('PATCH /api/v1/orgs/current/members/{userId}', { params: { userId: member.userId }, body });
      toast({ text: `Changed ${member.name}` });
    } catch (error) {
      toastError(`${member.name} was not changed`, error);
    }
    members.reload();
  };
  const remove = async (member: Member): Promise<void> => {
    await call('DELETE /api/v1/orgs/current/members/{userId}', { params: { userId: member.userId } });
    toast({ text: `Removed ${member.name}` });
    members.reload();
  };
  const columns: readonly Column<Member>[] = [
    { key: 'name', title: 'Name', render: (member) => <Person member={member} self={member.userId === props.user.id} /> },
    {
      key: 'role',
      title: 'Role',
      width: '160px',
      render: (member) => (
        <Select
          label={`Role of ${member.name}`}
          value={member.role}
          options={roleOptions(props.user.role, member.role)}
          disabled={member.userId === props.user.id}
          onChange={(role) => void change(member, { role })}
        />
      ),
    },
    { key: 'status', title: 'Access', width: '128px', minor: true, render: (member) => <Access member={member} /> },
    { key: 'since', title: 'Since', width: '100px', align: 'end', minor: true, render: (member) => <RelativeTime at={member.createdAt} /> },
    {
      key: 'actions',
      title: 'Actions',
      hideTitle: true,
      width: '52px',
      align: 'end',
      render: (member) => (
        <Menu
          label={`Actions for ${member.name}`}
          buttonClass="btn btn-icon btn-quiet btn-size-small"
          items={[
            ...(member.status === 'active' ? [] : [{ label: 'Let in again', onSelect: () => void change(member, { status: 'active' }) }]),
            ...(['suspended', 'deactivated'] as const)
              .filter((status) => status !== member.status)
              .map((status) => ({
                label: status === 'suspended' ? 'Suspend…' : 'Deactivate…',
                disabled: member.userId === props.user.id,
                onSelect: () => void (shutting.value = { member, status }),
              })),
            { label: 'Remove…', danger: true, disabled: member.userId === props.user.id, onSelect: () => (removing.value = member) },
          ]}
        >
          ⋯
        </Menu>
      ),
    },
  ];
  return (
    <>
      <View of={members} what="Members">
        {(page) => (
          <Card
            title="Members"
            flush
            aside={
              <span class="row">
                <Button size="small" icon={<Plus size={14} />} onClick={() => (adding.value = true)}>
                  Add person
                </Button>
                <Button size="small" kind="primary" icon={<MailPlus size={14} />} onClick={() => (inviting.value = true)}>
                  Invite
                </Button>
              </span>
            }
          >
            <Table
              inline
              density="normal"
              narrowRowPx={STACKED_ROW_PX}
              label="Members"
              columns={columns}
              rows={page.items}
              rowKey={(member) => member.userId}
            />
          </Card>
        )}
      </View>
      <PendingInvites user={props.user} />
      {inviting.value && <InvitePerson ownRole={props.user.role} onClose={() => (inviting.value = false)} />}
      {shutting.value !== undefined && <ShutOut {...shutting.value} onDone={members.reload} onClose={() => (shutting.value = undefined)} />}
      {adding.value && <AddMember ownRole={props.user.role} onClose={() => (adding.value = false)} onAdded={members.reload} />}
      {removing.value !== undefined && <RemoveMember member={removing.value} onRemove={remove} onClose={() => (removing.value = undefined)} />}
    </>
  );
}

function Person(props: { readonly member: Member; readonly self: boolean }): JSX.Element {
  if (isNarrow.value)
    return (
      <Stacked
        title={
          <>
            <span class="strong">{props.member.name}</span> {props.self && <span class="tag">You</span>}
          </>
        }
      >
        {props.member.status !== 'active' && <Access member={props.member} />}
        <span class="truncate">{props.member.email}</span>
      </Stacked>
    );
  return (
    <span class="row">
      <span class="strong truncate">{props.member.name}</span>
      <span class="faint truncate">{props.member.email}</span>
      {props.self && <span class="tag">You</span>}
      {props.member.passwordChangeRequired && <span class="tag">temporary password</span>}
    </span>
  );
}

function Access({ member }: { readonly member: Member }): JSX.Element {
  return (
    <span data-tip={member.statusReason === '' ? undefined : member.statusReason}>
      <StatusChip bare status={member.status} />
    </span>
  );
}

function RemoveMember(props: { readonly member: Member; readonly onRemove: (member: Member) => Promise<void>; readonly onClose: () => void }): JSX.Element {
  return (
    <Confirm title={`Remove ${props.member.name}?`} action="Remove" danger onConfirm={() => props.onRemove(props.member)} onClose={props.onClose}>
      Sessions and API keys of {props.member.email} end at once. Workflows and files stay; they are the organisation’s.
    </Confirm>
  );
}
