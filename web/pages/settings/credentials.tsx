/** Credentials: accounts at providers that steps use. What is secret goes in and never comes back. */
import { useSignal } from '@preact/signals';
import { KeyRound, Plus } from 'lucide-preact';
import { call } from '../../api.ts';
import { CredentialDialog } from '../../form/credential-dialog.tsx';
import { href } from '../../route.ts';
import { useCommands } from '../../shell/commands.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, Empty, View } from '../../ui/views.tsx';
import { FormFault } from './card-form.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { Credential } from '../../../src/contract/credentials.ts';
import type { Column } from '../../ui/table.tsx';

/** What is open: `null` makes a new one. */
type Open =
  | { readonly what: 'edit'; readonly credential: Credential | undefined }
  | { readonly what: 'test' | 'uses' | 'delete'; readonly credential: Credential };

export function CredentialsSection(props: { readonly user: User }): JSX.Element {
  const credentials = useResource((signal) => call('GET /api/v1/credentials', { query: { limit: 200 }, signal }), [], {
    follow: { rooms: [`org:${props.user.orgId}`], apply: (value, event) => (event.event_type === 'identity:credential:changed' ? 'reload' : value) },
  });
  const types = useResource((signal) => call('GET /api/v1/credential-types', { signal }), []);
  const open = useSignal<Open | undefined>(undefined);
  const close = (): void => void (open.value = undefined);
  const mayChange = props.user.role !== 'user';
  const makeNew = (): void => void (open.value = { what: 'edit', credential: undefined });
  useCommands(mayChange ? [{ id: 'credentials:new', title: 'New credential', group: 'This page', keys: 'c', run: makeNew }] : []);
  const titleOf = (type: string): string => types.value?.items.find((one) => one.type === type)?.title ?? type;
  const columns: readonly Column<Credential>[] = [
    {
      key: 'name',
      title: 'Name',
      render: (one) => (
        <span class="row">
          <span class="strong truncate">{one.name}</span>
          <span class="faint truncate">{titleOf(one.type)}</span>
        </span>
      ),
    },
    { key: 'hosts', title: 'Sent to', minor: true, render: (one) => <span class="mono muted truncate">{one.hosts.join(', ')}</span> },
    { key: 'state', title: 'State', width: '128px', render: (one) => <State credential={one} /> },
    {
      key: 'used',
      title: 'Last used',
      width: '100px',
      align: 'end',
      minor: true,
      render: (one) => (one.lastUsedAt === null ? <span class="faint">Never</span> : <RelativeTime at={one.lastUsedAt} />),
    },
    {
      key: 'actions',
      title: 'Actions',
      hideTitle: true,
      width: '52px',
      align: 'end',
      render: (credential) => (
        <Menu
          label={`Actions for ${credential.name}`}
          buttonClass="btn btn-icon btn-quiet btn-size-small"
          items={[
            { label: 'Test…', disabled: !credential.mayUse, onSelect: () => void (open.value = { what: 'test', credential }) },
            { label: 'Used by…', onSelect: () => void (open.value = { what: 'uses', credential }) },
            ...(mayChange
              ? [
                  { label: 'Change…', separated: true, onSelect: () => void (open.value = { what: 'edit', credential }) },
                  { label: 'Delete…', danger: true, onSelect: () => void (open.value = { what: 'delete', credential }) },
                ]
              : []),
          ]}
        >
          ⋯
        </Menu>
      ),
    },
  ];
  return (
    <>
      <View of={credentials} what="Credentials">
        {({ items }) => (
          <Card
            title="Credentials"
            flush
            aside={
              mayChange && (
                <Button size="small" icon={<Plus size={14} />} onClick={makeNew}>
                  New credential
                </Button>
              )
            }
          >
            <Table
              inline
              density="normal"
              label="Credentials"
              columns={columns}
              rows={items}
              rowKey={(one) => one.id}
              empty={
                <Empty
                  title="No credentials yet"
                  icon={<KeyRound size={24} strokeWidth={1.5} />}
                  action={mayChange && <Button onClick={makeNew}>Add a credential</Button>}
                >
                  An account at a provider, sent to its own hosts alone. Steps pick it by name; its values are kept encrypted and blotted out of logs and
                  outputs.
                </Empty>
              }
            />
          </Card>
        )}
      </View>
      <Opened open={open.value} onClose={close} onChanged={credentials.reload} />
    </>
  );
}

function Opened({
  open,
  onClose,
  onChanged,
}: {
  readonly open: Open | undefined;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}): JSX.Element | null {
  if (open === undefined) return null;
  const { credential } = open;
  if (open.what === 'edit')
    return (
      <CredentialDialog
        credential={credential}
        onClose={onClose}
        onSaved={({ name }) => {
          toast({ text: `${name} is saved` });
          onChanged();
        }}
      />
    );
  if (credential === undefined) return null;
  if (open.what === 'test') return <Test credential={credential} onClose={onClose} onTested={onChanged} />;
  if (open.what === 'uses') return <Uses credential={credential} onClose={onClose} />;
  return <Delete credential={credential} onClose={onClose} onDeleted={onChanged} />;
}

const stateWords: Readonly<Record<Credential['state'], string | undefined>> = {
  ok: undefined,
  expired: 'Workflows that need it don’t start. Change it with a later day, or new values.',
  unreadable: 'It was sealed with another CREDENTIAL_ENCRYPTION_KEY. Set its values again.',
  unknown_type: 'A newer Studio made it.',
};

function State({ credential }: { readonly credential: Credential }): JSX.Element {
  const { state, lastTest } = credential;
  const hasFailed = state === 'ok' && lastTest?.ok === false;
  const status = state === 'expired' ? 'expired' : state !== 'ok' || hasFailed ? 'failed' : 'active';
  const tested = lastTest === null ? undefined : `Last test: ${lastTest.message}`;
  return (
    <span data-tip={stateWords[state] ?? tested}>
      <StatusChip bare status={status} />
    </span>
  );
}

function Test(props: { readonly credential: Credential; readonly onClose: () => void; readonly onTested: () => void }): JSX.Element {
  const { credential } = props;
  const given = credential.values['testUrl'];
  const needsUrl = given === undefined && ['http_bearer', 'http_header', 'http_basic', 'oauth2_client_credentials'].includes(credential.type);
  const first = (credential.hosts[0] ?? '').replace('*.', '');
  const url = useSignal(needsUrl ? (first.startsWith('http://') ? `${first}/` : `https://${first}/`) : '');
  const result = useSignal<{ ok: boolean; message: string } | undefined>(undefined);
  const run = useAction(async () => {
    result.value = undefined;
    result.value = await call('POST /api/v1/credentials/{id}/test', { params: { id: credential.id }, body: url.value === '' ? {} : { url: url.value } });
    props.onTested();
  });
  return (
    <Dialog
      title={`Test ${credential.name}`}
      size="small"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Close</Button>
          <Button kind="primary" busy={run.busy} onClick={() => void run.run()}>
            Test
          </Button>
        </>
      }
    >
      <div class="stack">
        <FormFault error={run.error} fields={[]} />
        <p class="muted">Makes one real call to the provider{given === undefined ? '' : `, ${given}`}.</p>
        {needsUrl && (
          <Field label="URL" hint={`Asked with GET; on ${credential.hosts.join(', ')}.`}>
            {(links) => <Input {...links} type="url" mono value={url.value} onInput={(value) => (url.value = value)} />}
          </Field>
        )}
        {result.value !== undefined && (
          <Banner tone={result.value.ok ? 'note' : 'bad'}>{result.value.ok ? `It works: ${result.value.message}` : result.value.message}</Banner>
        )}
      </div>
    </Dialog>
  );
}

function Uses(props: { readonly credential: Credential; readonly onClose: () => void }): JSX.Element {
  const { id, name } = props.credential;
  const uses = useResource((signal) => call('GET /api/v1/credentials/{id}/workflows', { params: { id }, signal }), [id]);
  return (
    <Dialog title={`Workflows that use ${name}`} size="small" onClose={props.onClose} actions={<Button onClick={props.onClose}>Close</Button>}>
      <View of={uses} what="Workflows">
        {({ items }) =>
          items.length === 0 ? (
            <p class="muted">None names it.</p>
          ) : (
            <ul class="stack">
              {items.map((workflow) => (
                <li key={workflow.id} class="row">
                  <a href={href(`/workflows/${workflow.id}`)}>{workflow.name}</a>
                  {workflow.isDraft && <span class="tag">draft</span>}
                </li>
              ))}
            </ul>
          )
        }
      </View>
    </Dialog>
  );
}

function Delete(props: { readonly credential: Credential; readonly onClose: () => void; readonly onDeleted: () => void }): JSX.Element {
  const { id, name } = props.credential;
  const uses = useResource((signal) => call('GET /api/v1/credentials/{id}/workflows', { params: { id }, signal }), [id]);
  const count = uses.value?.items.length ?? 0;
  const remove = async (): Promise<void> => {
    await call('DELETE /api/v1/credentials/{id}', { params: { id }, query: count > 0 ? { force: true } : {} });
    toast({ text: `Deleted ${name}` });
    props.onDeleted();
  };
  return (
    <Confirm title={`Delete ${name}?`} action="Delete" danger typed={count > 0 ? name : undefined} onConfirm={remove} onClose={props.onClose}>
      <View of={uses} what="What uses it">
        {({ items }) => (
          <p>
            {items.length === 0
              ? 'No workflow names it.'
              : `Used by ${items
                  .slice(0, 3)
                  .map((workflow) => workflow.name)
                  .join(', ')}${items.length > 3 ? ` and ${items.length - 3} more` : ''}: they will not start any more.`}
          </p>
        )}
      </View>
    </Confirm>
  );
}
