/** The dialog that adds a person: it ends with a temporary password, shown this once. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input, Select } from '../../ui/field.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Banner } from '../../ui/views.tsx';
import { FormFault } from './card-form.tsx';
import { roleOptions } from './roles.ts';
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
  if (password.value !== undefined) return <Added name={name.value} email={email.value} password={password.value} onClose={props.onClose} />;
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
        <Field
          label="Role"
          hint="Users run and build; administrators also manage people and secrets; machine admins also run commands and look after the machine."
        >
          {(links) => <Select {...links} value={role.value} options={roleOptions(props.ownRole, role.value)} onChange={(value) => (role.value = value)} />}
        </Field>
      </form>
    </Dialog>
  );
}

function Added(props: { readonly name: string; readonly email: string; readonly password: string; readonly onClose: () => void }): JSX.Element {
  return (
    <Dialog
      title={`${props.name} can log in`}
      onClose={props.onClose}
      actions={
        <>
          <CopyButton text={props.password} words="Copy password" />
          <Button kind="primary" onClick={props.onClose}>
            Done
          </Button>
        </>
      }
    >
      <div class="stack">
        <Banner tone="warn">The password is shown this once. It has to be changed at the first login.</Banner>
        <p class="muted">Give it to {props.email}:</p>
        <CodeBlock label="Temporary password" text={props.password} wrap />
      </div>
    </Dialog>
  );
}
