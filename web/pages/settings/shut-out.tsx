/** The dialog that shuts a person out of the organisation: for a while, or because they left. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import type { JSX } from 'preact';
import type { Member } from '../../../src/contract/members.ts';

const words = {
  suspended: { verb: 'Suspend', about: 'Sessions end and API keys rest until you let them in again; what runs in their name stops being allowed to act.' },
  deactivated: {
    verb: 'Deactivate',
    about: 'Sessions end and API keys are deleted. Their name stays in lists and the audit trail, and you can let them in again.',
  },
} as const;

export function ShutOut(props: {
  readonly member: Member;
  readonly status: 'suspended' | 'deactivated';
  readonly onDone: () => void;
  readonly onClose: () => void;
}): JSX.Element {
  const { member, status } = props;
  const reason = useSignal('');
  const { verb, about } = words[status];
  const confirm = async (): Promise<void> => {
    await call('PATCH /api/v1/orgs/current/members/{userId}', { params: { userId: member.userId }, body: { status, reason: reason.value } });
    toast({ text: `${member.name} is ${status}` });
    props.onDone();
  };
  return (
    <Confirm title={`${verb} ${member.name}?`} action={verb} danger onConfirm={confirm} onClose={props.onClose}>
      <div class="stack">
        <p>{about}</p>
        <Field label="Reason" optional hint="Administrators see it; it stands in the audit trail.">
          {(links) => <Input {...links} maxLength={200} value={reason.value} onInput={(value) => (reason.value = value)} />}
        </Field>
      </div>
    </Confirm>
  );
}
