/** Setting a secret without leaving the form that needs it. Its value goes in and never comes back. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { call } from '../api.ts';
import { faultOf, formFault, useAction } from '../state/action.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field, Input } from '../ui/field.tsx';

export function NewSecret(props: { readonly onClose: () => void; readonly onMade: (name: string) => void }): JSX.Element {
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const save = useAction(async () => {
    await call('PUT /api/v1/secrets/{name}', { params: { name }, body: { value } });
    props.onMade(name);
    props.onClose();
  });
  const isNamed = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name);
  const fault = formFault(save.error, ['name', 'value']);
  return (
    <Dialog
      title="New secret"
      size="small"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Close</Button>
          <Button kind="primary" type="submit" form="new-secret" busy={save.busy} disabled={!isNamed || value === ''}>
            Save
          </Button>
        </>
      }
    >
      <form
        id="new-secret"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        {fault !== undefined && (
          <p class="field-fault" role="alert">
            {fault}
          </p>
        )}
        <Field label="Name" hint="Letters, digits and _: API_TOKEN" fault={faultOf(save.error, 'name')}>
          {(links) => <Input {...links} mono autofocus autocomplete="off" value={name} maxLength={64} onInput={setName} />}
        </Field>
        <Field label="Value" hint="Kept encrypted, and blotted out of logs and outputs." fault={faultOf(save.error, 'value')}>
          {(links) => <Input {...links} type="password" autocomplete="off" value={value} onInput={setValue} />}
        </Field>
      </form>
    </Dialog>
  );
}
