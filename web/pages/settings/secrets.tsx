/** Secrets: names that workflows and jobs refer to. A value goes in and never comes back. */
import { useSignal } from '@preact/signals';
import { Lock, Plus, Trash2 } from 'lucide-preact';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { Field, Input, Textarea } from '../../ui/field.tsx';
import { Card } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { FormFault } from './card-form.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { Secret } from '../../../src/contract/secrets.ts';
import type { Column } from '../../ui/table.tsx';

/** The secret that is being set: a new one has no name yet. */
type Editing = { readonly name: string | undefined };

export function SecretsSection(props: { readonly user: User }): JSX.Element {
  const secrets = useResource((signal) => call('GET /api/v1/secrets', { query: { limit: 200 }, signal }), []);
  const editing = useSignal<Editing | undefined>(undefined);
  const deleting = useSignal<Secret | undefined>(undefined);
  const mayChange = props.user.role !== 'user';
  const remove = async (secret: Secret): Promise<void> => {
    await call('DELETE /api/v1/secrets/{name}', { params: { name: secret.name } });
    toast({ text: `Deleted ${secret.name}` });
    secrets.reload();
  };
  const actions = (secret: Secret): JSX.Element => (
    <span class="row row-end">
      <Button size="small" onClick={() => (editing.value = { name: secret.name })}>
        Replace
      </Button>
      <IconButton size="small" label={`Delete ${secret.name}`} icon={<Trash2 size={14} />} onClick={() => (deleting.value = secret)} />
    </span>
  );
  const columns: readonly Column<Secret>[] = [
    { key: 'name', title: 'Name', render: (secret) => <span class="mono">{secret.name}</span> },
    { key: 'use', title: 'In a workflow', minor: true, render: (secret) => <Reference name={secret.name} /> },
    { key: 'updated', title: 'Set', width: '100px', align: 'end', render: (secret) => <RelativeTime at={secret.updatedAt} /> },
    ...(mayChange ? [{ key: 'actions', title: 'Actions', hideTitle: true, width: '136px', align: 'end', render: actions } as const] : []),
  ];
  return (
    <>
      <View of={secrets} what="Secrets">
        {(page) => (
          <Card
            title="Secrets"
            flush
            aside={
              mayChange && (
                <Button size="small" icon={<Plus size={14} />} onClick={() => (editing.value = { name: undefined })}>
                  New secret
                </Button>
              )
            }
          >
            <Table
              inline
              density="normal"
              label="Secrets"
              columns={columns}
              rows={page.items}
              rowKey={(secret) => secret.name}
              empty={
                <Empty
                  title="No secrets yet"
                  icon={<Lock size={24} strokeWidth={1.5} />}
                  action={mayChange && <Button onClick={() => (editing.value = { name: undefined })}>Add a secret</Button>}
                >
                  Tokens and passwords that steps need. They are kept encrypted, and blotted out of logs and outputs.
                </Empty>
              }
            />
          </Card>
        )}
      </View>
      {editing.value !== undefined && <EditSecret name={editing.value.name} onClose={() => (editing.value = undefined)} onSaved={secrets.reload} />}
      {deleting.value !== undefined && <DeleteSecret secret={deleting.value} onDelete={remove} onClose={() => (deleting.value = undefined)} />}
    </>
  );
}

function Reference(props: { readonly name: string }): JSX.Element {
  const text = `{{ secrets.${props.name} }}`;
  return (
    <span class="row">
      <code class="muted truncate">{text}</code>
      <CopyButton text={text} label="Copy reference" />
    </span>
  );
}

function EditSecret(props: { readonly name: string | undefined; readonly onClose: () => void; readonly onSaved: () => void }): JSX.Element {
  const name = useSignal(props.name ?? '');
  const value = useSignal('');
  const save = useAction(async () => {
    await call('PUT /api/v1/secrets/{name}', { params: { name: name.value }, body: { value: value.value } });
    toast({ text: `${name.value} is set` });
    props.onSaved();
    props.onClose();
  });
  return (
    <Dialog
      title={props.name === undefined ? 'New secret' : `Replace ${props.name}`}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="edit-secret" busy={save.busy} disabled={name.value === '' || value.value === ''}>
            Save
          </Button>
        </>
      }
    >
      <form
        id="edit-secret"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        <FormFault error={save.error} fields={['name', 'value']} />
        {props.name === undefined && (
          <Field label="Name" hint="Letters, digits and _, as in HF_TOKEN." fault={faultOf(save.error, 'name')}>
            {(links) => <Input {...links} mono required autofocus maxLength={64} value={name.value} onInput={(next) => (name.value = next)} />}
          </Field>
        )}
        <Field label="Value" hint="It is never shown again." fault={faultOf(save.error, 'value')}>
          {(links) => <Textarea {...links} mono rows={3} value={value.value} onInput={(next) => (value.value = next)} />}
        </Field>
      </form>
    </Dialog>
  );
}

function DeleteSecret(props: { readonly secret: Secret; readonly onDelete: (secret: Secret) => Promise<void>; readonly onClose: () => void }): JSX.Element {
  return (
    <Confirm title={`Delete ${props.secret.name}?`} action="Delete" danger onConfirm={() => props.onDelete(props.secret)} onClose={props.onClose}>
      Steps that refer to it will fail from now on.
    </Confirm>
  );
}
