/** The people of the organisation: add with a temporary password, change a role, disable, remove. */
import { useSignal } from '@preact/signals';
import { Plus } from 'lucide-preact';
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Select } from '../../ui/field.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import { AddMember } from './add-member.tsx';
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
  const removing = useSignal<Member | undefined>(undefined);
  const change = async (member: Member, body: { role?: Member['role']; disabled?: boolean }): Promise<void> => {
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
    { key: 'status', title: 'Access', width: '120px', minor: true, render: (member) => <StatusChip bare status={member.disabled ? 'disabled' : 'enabled'} /> },
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
            {
              label: member.disabled ? 'Allow in again' : 'Disable',
              disabled: member.userId === props.user.id,
              onSelect: () => void change(member, { disabled: !member.disabled }),
            },
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
              <Button size="small" icon={<Plus size={14} />} onClick={() => (adding.value = true)}>
                Add person
              </Button>
            }
          >
            <Table inline density="normal" label="Members" columns={columns} rows={page.items} rowKey={(member) => member.userId} />
          </Card>
        )}
      </View>
      {adding.value && <AddMember ownRole={props.user.role} onClose={() => (adding.value = false)} onAdded={members.reload} />}
      {removing.value !== undefined && <RemoveMember member={removing.value} onRemove={remove} onClose={() => (removing.value = undefined)} />}
    </>
  );
}

function Person(props: { readonly member: Member; readonly self: boolean }): JSX.Element {
  return (
    <span class="row">
      <span class="strong">{props.member.name}</span>
      <span class="faint truncate">{props.member.email}</span>
      {props.self && <span class="tag">You</span>}
      {props.member.passwordChangeRequired && <span class="tag">temporary password</span>}
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
