/** Models: what is here and elsewhere, what it does, what comes; downloading, registering, deleting. */
import { useSignal } from '@preact/signals';
import { Boxes, Download as DownloadIcon, Plus } from 'lucide-preact';
import { setParams, useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { useCommands } from '../../shell/commands.ts';
import { deleteModel, useDownloads, useModels } from '../../state/models.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { AsCurl } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { formatBytes, formatNumber } from '../../ui/format.ts';
import { Page, Split } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { DownloadForm } from './download-form.tsx';
import { DownloadsCard } from './downloads.tsx';
import { ModelDetail } from './model-detail.tsx';
import { ModelTabs } from './model-tabs.tsx';
import { kindWords, stateWords, whyWords } from './model-words.ts';
import { RegisterForm } from './register-form.tsx';
import type { JSX } from 'preact';
import type { Model } from '../../../src/contract/models.ts';
import type { Column } from '../../ui/table.tsx';

const ENGINES = { llama: 'here', service: 'server', remote: 'elsewhere' } as const;

const columns: readonly Column<Model>[] = [
  {
    key: 'name',
    title: 'Model',
    render: (model) => (
      <span class="truncate" data-tip={model.name}>
        <span class="strong">{model.name}</span> {model.pinned && <span class="muted">pinned</span>}
      </span>
    ),
  },
  { key: 'state', title: 'State', width: '142px', render: (model) => <StatusChip {...stateWords(model)} /> },
  {
    key: 'why',
    title: 'Where and why',
    minor: true,
    render: (model) => (
      <span class={model.fault === undefined ? 'muted truncate' : 'why-failed truncate'} data-tip={whyWords(model, now.value)}>
        {whyWords(model, now.value)}
      </span>
    ),
  },
  { key: 'engine', title: 'Runs', width: '88px', minor: true, render: (model) => <span class="muted">{ENGINES[model.engine]}</span> },
  { key: 'kind', title: 'Kind', width: '132px', minor: true, render: (model) => <span class="muted truncate">{kindWords(model)}</span> },
  {
    key: 'context',
    title: 'Context',
    width: '88px',
    align: 'end',
    minor: true,
    render: (model) => <span class="mono">{model.contextLength === null ? '–' : formatNumber(model.contextLength)}</span>,
  },
  {
    key: 'size',
    title: 'Size',
    width: '88px',
    align: 'end',
    render: (model) => <span class="mono">{model.bytes === 0 ? '–' : formatBytes(model.bytes)}</span>,
  },
];

/** What has room beside an open model. */
const BESIDE_DETAIL: ReadonlySet<string> = new Set(['name', 'state', 'size']);

export function ModelsPage(): JSX.Element {
  const models = useModels();
  const downloads = useDownloads();
  const [open] = useParam('model');
  const dialog = useSignal<'download' | 'register' | undefined>(undefined);
  const deleting = useSignal<Model | undefined>(undefined);
  const mayChange = me.value?.role === 'super_admin';
  const ask = (what: 'download' | 'register'): void => void (dialog.value = what);
  const close = (): void => void (dialog.value = undefined);
  const reload = (): void => {
    models.reload();
    downloads.reload();
  };
  useCommands([
    { id: 'models:download', title: 'Download a model', group: 'This page', keys: 'n', disabled: !mayChange, run: () => ask('download') },
    { id: 'models:register', title: 'Register a model', group: 'This page', disabled: !mayChange, run: () => ask('register') },
    { id: 'models:close', title: 'Close the model', group: 'This page', keys: 'escape', disabled: open === '', run: () => setParams({ model: '' }) },
  ]);
  const shown = models.value?.items.find((model) => model.id === open);
  const coming = downloads.value?.items ?? [];
  return (
    <Page title="Models" layout="fill" toolbar={<ModelTabs current="/models" />} actions={<Actions mayChange={mayChange} onAsk={ask} />}>
      <Split
        label="Model"
        wide
        detail={
          shown === undefined ? undefined : (
            <ModelDetail
              key={shown.id}
              model={shown}
              mayChange={mayChange}
              onChanged={models.reload}
              onDelete={() => (deleting.value = shown)}
              onClose={() => setParams({ model: '' })}
            />
          )
        }
      >
        {coming.length > 0 && (
          <div class="model-coming">
            <DownloadsCard downloads={coming} mayChange={mayChange} onChanged={reload} />
          </div>
        )}
        <View of={models} what="Models">
          {(page) => (
            <Table
              label="Models"
              density="normal"
              columns={shown === undefined ? columns : columns.filter((column) => BESIDE_DETAIL.has(column.key))}
              rows={page.items}
              rowKey={(model) => model.id}
              openKey={open}
              onOpen={(model) => setParams({ model: model.id }, { push: open === '' })}
              empty={<NoModels mayChange={mayChange} onAsk={ask} />}
            />
          )}
        </View>
      </Split>
      {dialog.value === 'download' && <DownloadForm onClose={close} onStarted={reload} />}
      {dialog.value === 'register' && (
        <RegisterForm
          onClose={close}
          onSaved={(id) => {
            reload();
            setParams({ model: id });
          }}
        />
      )}
      {deleting.value !== undefined && <Deleting model={deleting.value} onDeleted={reload} onClose={() => (deleting.value = undefined)} />}
    </Page>
  );
}

interface Asking {
  readonly mayChange: boolean;
  readonly onAsk: (what: 'download' | 'register') => void;
}

function Actions({ mayChange, onAsk }: Asking): JSX.Element {
  return (
    <>
      <AsCurl method="GET" path="api/v1/models" />
      {mayChange && (
        <>
          <Button icon={<Plus size={14} />} onClick={() => onAsk('register')}>
            Register
          </Button>
          <Button kind="primary" icon={<DownloadIcon size={14} />} hint="n" onClick={() => onAsk('download')}>
            Download
          </Button>
        </>
      )}
    </>
  );
}

function NoModels({ mayChange, onAsk }: Asking): JSX.Element {
  return (
    <Empty
      title="No models yet"
      icon={<Boxes size={24} strokeWidth={1.5} />}
      action={mayChange && <Button onClick={() => onAsk('download')}>Download a model</Button>}
    >
      A model that is here answers at /v1 and in workflows; it is loaded when somebody asks, and gives the GPU back when others need it.
    </Empty>
  );
}

function Deleting(props: { readonly model: Model; readonly onDeleted: () => void; readonly onClose: () => void }): JSX.Element {
  const { model } = props;
  const bytes = model.bytes === 0 ? '' : ` ${formatBytes(model.bytes)} are freed, unless another model has the same files.`;
  return (
    <Confirm
      title={`Delete ${model.name}?`}
      action="Delete"
      danger
      onClose={props.onClose}
      onConfirm={async () => {
        await deleteModel(model);
        setParams({ model: '' });
        props.onDeleted();
      }}
    >
      It is unloaded first; who asks for it afterwards is told that it is not there.{bytes}
    </Confirm>
  );
}
