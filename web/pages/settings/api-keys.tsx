/** API keys: for curl and programs. A new key is shown once, with a call to try it. */
import { useSignal } from '@preact/signals';
import { KeyRound, Plus, Trash2 } from 'lucide-preact';
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { curlCommand } from '../../ui/curl.ts';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Card } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, Empty, View } from '../../ui/views.tsx';
import { limitWords } from '../models/limits-draft.ts';
import { KeyLimits } from './key-limits.tsx';
import { NewApiKey } from './new-api-key.tsx';
import type { JSX } from 'preact';
import type { ApiKey } from '../../../src/contract/api-keys.ts';
import type { Column } from '../../ui/table.tsx';

export function ApiKeysSection(): JSX.Element {
  const keys = useResource((signal) => call('GET /api/v1/api-keys', { query: { limit: 200 }, signal }), []);
  const making = useSignal(false);
  const made = useSignal<string | undefined>(undefined);
  const deleting = useSignal<ApiKey | undefined>(undefined);
  const limiting = useSignal<ApiKey | undefined>(undefined);
  const remove = async (key: ApiKey): Promise<void> => {
    await call('DELETE /api/v1/api-keys/{id}', { params: { id: key.id } });
    toast({ text: `Deleted ${key.name}` });
    keys.reload();
  };
  const columns: readonly Column<ApiKey>[] = [
    { key: 'name', title: 'Name', render: (key) => <span class="strong">{key.name}</span> },
    { key: 'prefix', title: 'Begins with', width: '130px', minor: true, render: (key) => <span class="mono muted">{key.prefix}…</span> },
    { key: 'scopes', title: 'May', width: '220px', minor: true, render: (key) => <Scopes scopes={key.scopes} /> },
    {
      key: 'used',
      title: 'Last used',
      width: '100px',
      align: 'end',
      render: (key) => (key.lastUsedAt === null ? <span class="faint">never</span> : <RelativeTime at={key.lastUsedAt} />),
    },
    {
      key: 'expires',
      title: 'Expires',
      width: '100px',
      align: 'end',
      render: (key) => (key.expiresAt === null ? <span class="faint">never</span> : <RelativeTime at={key.expiresAt} />),
    },
    {
      key: 'limits',
      title: 'Of models',
      width: '130px',
      minor: true,
      render: (key) => (
        <button type="button" class="link-button truncate" data-tip={limitWords(key.modelLimits) ?? 'Set limits'} onClick={() => (limiting.value = key)}>
          {limitWords(key.modelLimits) ?? 'not limited'}
        </button>
      ),
    },
    {
      key: 'delete',
      title: 'Delete',
      hideTitle: true,
      width: '48px',
      align: 'end',
      render: (key) => <IconButton size="small" label={`Delete ${key.name}`} icon={<Trash2 size={14} />} onClick={() => (deleting.value = key)} />,
    },
  ];
  const add = (
    <Button size="small" icon={<Plus size={14} />} onClick={() => (making.value = true)}>
      New key
    </Button>
  );
  return (
    <>
      <View of={keys} what="API keys">
        {(page) => (
          <Card title="API keys" flush aside={add}>
            <Table
              inline
              density="normal"
              label="API keys"
              columns={columns}
              rows={page.items}
              rowKey={(key) => key.id}
              empty={
                <Empty
                  title="No API keys yet"
                  icon={<KeyRound size={24} strokeWidth={1.5} />}
                  action={<Button onClick={() => (making.value = true)}>Make a key</Button>}
                >
                  Everything this UI does is a call under /api/v1. A key lets curl and programs make them.
                </Empty>
              }
            />
          </Card>
        )}
      </View>
      {making.value && (
        <NewApiKey
          onClose={() => (making.value = false)}
          onMade={(key) => {
            making.value = false;
            made.value = key;
            keys.reload();
          }}
        />
      )}
      {made.value !== undefined && <ShowKey apiKey={made.value} onClose={() => (made.value = undefined)} />}
      {limiting.value !== undefined && <KeyLimits apiKey={limiting.value} onSaved={keys.reload} onClose={() => (limiting.value = undefined)} />}
      {deleting.value !== undefined && <DeleteKey apiKey={deleting.value} onDelete={remove} onClose={() => (deleting.value = undefined)} />}
    </>
  );
}

function Scopes(props: { readonly scopes: readonly string[] }): JSX.Element {
  if (props.scopes.includes('*')) return <span class="tag">everything</span>;
  const text = props.scopes.join(', ');
  return (
    <span class="mono muted" data-tip={text}>
      {text}
    </span>
  );
}

function ShowKey(props: { readonly apiKey: string; readonly onClose: () => void }): JSX.Element {
  const example = `export STUDIO_KEY=${props.apiKey}\n${curlCommand({ method: 'GET', path: 'api/v1/instances' }, new URL('./', document.baseURI))}`;
  return (
    <Dialog
      title="Your new key"
      onClose={props.onClose}
      actions={
        <>
          <CopyButton text={props.apiKey} words="Copy key" />
          <Button kind="primary" onClick={props.onClose}>
            I have kept it
          </Button>
        </>
      }
    >
      <div class="stack">
        <Banner tone="warn">It is shown this once. Studio keeps only a hash of it.</Banner>
        <CodeBlock label="API key" text={props.apiKey} wrap />
        <p class="muted">Try it:</p>
        <CodeBlock label="Example" text={example} wrap />
      </div>
    </Dialog>
  );
}

function DeleteKey(props: { readonly apiKey: ApiKey; readonly onDelete: (key: ApiKey) => Promise<void>; readonly onClose: () => void }): JSX.Element {
  return (
    <Confirm title={`Delete ${props.apiKey.name}?`} action="Delete" danger onConfirm={() => props.onDelete(props.apiKey)} onClose={props.onClose}>
      Programs that use it are refused at once. It can’t be brought back.
    </Confirm>
  );
}
