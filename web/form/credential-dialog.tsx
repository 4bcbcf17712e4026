/** Making or changing a credential, its fields by the schema of its type. Secret values go in and are never shown again. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { Credential, CredentialTypeView } from '../../src/contract/credentials.ts';
import type { CredentialAccess } from '../../src/contract/values.ts';
import { call } from '../api.ts';
import { me } from '../session.ts';
import { faultOf, formFault, useAction } from '../state/action.ts';
import { useResource } from '../state/resource.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Checkbox, Field, Input, Select, Textarea } from '../ui/field.tsx';
import { View } from '../ui/views.tsx';
import { credentialFields, hostsOf, valuesToSend } from './credential-fields.ts';
import type { CredentialField } from './credential-fields.ts';

interface CredentialDialogProps {
  /** Undefined: a new one. */
  readonly credential?: Credential | undefined;
  readonly onClose: () => void;
  readonly onSaved: (credential: Credential) => void;
}

export function CredentialDialog(props: CredentialDialogProps): JSX.Element {
  const types = useResource((signal) => call('GET /api/v1/credential-types', { signal }), []);
  if (types.value !== undefined) return <Form {...props} types={types.value.items} />;
  return (
    <Dialog title={titleOf(props.credential)} onClose={props.onClose} actions={<Button onClick={props.onClose}>Close</Button>}>
      <View of={types} what="Types of credentials">
        {() => null}
      </View>
    </Dialog>
  );
}

function titleOf(credential: Credential | undefined): string {
  return credential === undefined ? 'New credential' : `Change ${credential.name}`;
}

const accessOptions: readonly { readonly value: CredentialAccess; readonly label: string }[] = [
  { value: 'everyone', label: 'Everyone in the organisation' },
  { value: 'admins', label: 'Administrators' },
  { value: 'people', label: 'Its maker and chosen people' },
];

function Form(props: CredentialDialogProps & { readonly types: readonly CredentialTypeView[] }): JSX.Element {
  const { credential, types } = props;
  const type = useSignal(credential?.type ?? types[0]?.type ?? '');
  const name = useSignal(credential?.name ?? '');
  const values = useSignal<Readonly<Record<string, string>>>(credential?.values ?? {});
  const hosts = useSignal((credential?.hosts ?? []).join('\n'));
  const access = useSignal<CredentialAccess>(credential?.access ?? 'everyone');
  const people = useSignal<readonly string[]>(credential?.people ?? []);
  const expires = useSignal(credential?.expiresAt?.slice(0, 10) ?? '');
  const chosen = types.find((one) => one.type === type.value);
  const fields = credentialFields(chosen?.fields ?? {});
  const save = useAction(async () => {
    const common = {
      name: name.value,
      values: valuesToSend(fields, values.value, credential?.values),
      ...(chosen?.hosts === 'given' ? { hosts: hostsOf(hosts.value) } : {}),
      access: access.value,
      people: access.value === 'people' ? [...people.value] : [],
      // To its last moment: a day that stands on a token's page is one on which it works.
      expiresAt: expires.value === '' ? null : `${expires.value}T23:59:59.000Z`,
    };
    const saved =
      credential === undefined
        ? await call('POST /api/v1/credentials', { body: { ...common, type: type.value } })
        : await call('PATCH /api/v1/credentials/{id}', { params: { id: credential.id }, body: common });
    props.onSaved(saved);
    props.onClose();
  });
  const fault = formFault(save.error, ['name', 'hosts', 'expiresAt', ...fields.map((field) => `values.${field.name}`)]);
  return (
    <Dialog
      title={titleOf(credential)}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="credential" busy={save.busy} disabled={name.value.trim() === ''}>
            Save
          </Button>
        </>
      }
    >
      <form
        id="credential"
        class="stack"
        autocomplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          void save.run();
        }}
      >
        {fault !== undefined && (
          <div class="form-fault" role="alert">
            {fault}
          </div>
        )}
        {credential === undefined && (
          <Field label="Type" hint={chosen?.about}>
            {(links) => (
              <Select
                {...links}
                value={type.value}
                options={types.map((one) => ({ value: one.type, label: one.title }))}
                onChange={(value) => {
                  type.value = value;
                  values.value = {};
                }}
              />
            )}
          </Field>
        )}
        <Field label="Name" hint="As people see it, as in “Billing API”." fault={faultOf(save.error, 'name')}>
          {(links) => (
            <Input
              {...links}
              required
              autofocus={credential !== undefined}
              maxLength={120}
              autocomplete="off"
              value={name.value}
              onInput={(value) => (name.value = value)}
            />
          )}
        </Field>
        {fields.map((field) => (
          <ValueField
            key={`${type.value} ${field.name}`}
            field={field}
            isSet={credential?.secretFields.includes(field.name) ?? false}
            value={values.value[field.name] ?? ''}
            fault={faultOf(save.error, `values.${field.name}`)}
            onInput={(value) => (values.value = { ...values.value, [field.name]: value })}
          />
        ))}
        {chosen?.hosts === 'given' && (
          <Field
            label="Sent to"
            hint="Hosts, one a line: api.example.com, *.example.com, http://10.0.0.5:8188. It goes nowhere else."
            fault={faultOf(save.error, 'hosts') ?? faultOf(save.error, 'hosts[0]')}
          >
            {(links) => <Textarea {...links} mono rows={2} value={hosts.value} onInput={(value) => (hosts.value = value)} />}
          </Field>
        )}
        <Field label="Used by" hint="Looked at again whenever a step uses it, for whoever published the workflow.">
          {(links) => <Select {...links} value={access.value} options={accessOptions} onChange={(value) => (access.value = value)} />}
        </Field>
        {access.value === 'people' && (
          <People maker={credential?.createdBy ?? me.value?.id} chosen={people.value} onChange={(value) => (people.value = value)} />
        )}
        <Field label="Expires" optional hint="Workflows that need it stop starting after that day, and say why." fault={faultOf(save.error, 'expiresAt')}>
          {(links) => <Input {...links} type="date" value={expires.value} onInput={(value) => (expires.value = value)} />}
        </Field>
      </form>
    </Dialog>
  );
}

function ValueField(props: {
  readonly field: CredentialField;
  readonly isSet: boolean;
  readonly value: string;
  readonly fault: string | undefined;
  readonly onInput: (value: string) => void;
}): JSX.Element {
  const { field, isSet, value, onInput } = props;
  const hint = field.isSecret ? (isSet ? 'Set. Leave it empty to keep it.' : 'It is never shown again.') : field.description;
  return (
    <Field label={field.title} optional={!field.required} hint={hint === '' ? undefined : hint} fault={props.fault}>
      {(links) =>
        field.choices.length > 0 ? (
          <Select
            {...links}
            value={value}
            options={[{ value: '', label: 'As usual' }, ...field.choices.map((choice) => ({ value: choice, label: choice }))]}
            onChange={onInput}
          />
        ) : (
          <Input
            {...links}
            type={field.isSecret ? 'password' : field.isUrl ? 'url' : 'text'}
            autocomplete={field.isSecret ? 'new-password' : 'off'}
            mono
            value={value}
            onInput={onInput}
          />
        )
      }
    </Field>
  );
}

/** Beside its maker. */
function People(props: {
  readonly maker: string | undefined;
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}): JSX.Element {
  const members = useResource((signal) => call('GET /api/v1/orgs/current/members', { query: { limit: 200 }, signal }), []);
  return (
    <View of={members} what="People">
      {({ items }) => (
        <div class="stack" role="group" aria-label="People who may use it">
          {items
            .filter((member) => member.userId !== props.maker)
            .map((member) => (
              <Checkbox
                key={member.userId}
                label={member.name}
                checked={props.chosen.includes(member.userId)}
                onChange={(isChosen) => props.onChange(isChosen ? [...props.chosen, member.userId] : props.chosen.filter((id) => id !== member.userId))}
              />
            ))}
        </div>
      )}
    </View>
  );
}
