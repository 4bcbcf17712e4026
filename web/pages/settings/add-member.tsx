/** The dialog that adds a person: it ends with a temporary password, shown this once. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { FormFault } from './card-form.tsx';
import { RoleField } from './role-field.tsx';
import { TemporaryPassword } from './temporary-password.tsx';
import type { JSX } from 'preact';
import type { Role } from '../../../src/contract/values.ts';

export interface AddMemberProps {
  readonly ownRole: Role;
  readonly onClose: () => void;
  readonly onAdded: () => void;
}

export function AddMember(props: AddMemberProps): JSX.Element {
  const name = useSignal('');
  const email = useSignal('');
  const role = useSignal<Role>('user');
  const password = useSignal<string | undefined>(undefined);
  const add = useAction(async () => {
    const reply = await call('POST /api/v1/orgs/current/members', { body: { name: name.value, email: email.value, role: role.value } });
    password.value = reply.temporaryPassword;
    props.onAdded();
  });
  if (password.value !== undefined)
    return <TemporaryPassword title={`${name.value} can log in`} email={email.value} password={password.value} onClose={props.onClose} />;
  return (
    <Dialog
      title="Add a person"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="add-member" busy={add.busy} disabled={name.value === '' || email.value === ''}>
            Add
          </Button>
        </>
      }
    >
      <form
        id="add-member"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void add.run();
        }}
      >
        <FormFault error={add.error} fields={['name', 'email']} />
        <Field label="Name" fault={faultOf(add.error, 'name')}>
          {(links) => <Input {...links} required autofocus value={name.value} onInput={(value) => (name.value = value)} />}
        </Field>
        <Field label="E-mail" hint="Nothing is sent; it is the name for logging in." fault={faultOf(add.error, 'email')}>
          {(links) => <Input {...links} type="email" required value={email.value} onInput={(value) => (email.value = value)} />}
        </Field>
        <RoleField role={role} own={props.ownRole} />
      </form>
    </Dialog>
  );
}
