/** One service: what can be done to it, its log, how it ended before, what it is. */
import { useSignal } from '@preact/signals';
import { ExternalLink, Pencil, Play, RotateCw, Square, Trash2, X } from 'lucide-preact';
import { baseUrl, call } from '../../api.ts';
import { setParams } from '../../route.ts';
import { commandService } from '../../state/services.ts';
import { useAction } from '../../state/action.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { formatBytes, formatDuration } from '../../ui/format.ts';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Progress } from '../../ui/meter.tsx';
import { Facts } from '../../ui/page.tsx';
import { ServiceChip } from '../../ui/status-chip.tsx';
import { TabPanel, Tabs } from '../../ui/tabs.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, Empty, ErrorView } from '../../ui/views.tsx';
import { ServiceForm } from './service-form.tsx';
import { ServiceLog } from './service-log.tsx';
import { sourceWords } from './source-words.ts';
import type { JSX } from 'preact';
import type { Service, ServiceDefinition } from '../../../src/contract/services.ts';
import type { ServiceVerb } from '../../state/services.ts';

const tabs = ['log', 'exits', 'facts'] as const;
type TabName = (typeof tabs)[number];
const titles: Readonly<Record<TabName, string>> = { log: 'Log', exits: 'Exits', facts: 'Facts' };

interface DetailProps {
  readonly service: Service;
  readonly mayChange: boolean;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

export function ServiceDetail(props: DetailProps): JSX.Element {
  const { service, mayChange } = props;
  const hasLog = mayChange && service.source !== 'built_in' && service.since !== null;
  const tab = useSignal<TabName>(hasLog ? 'log' : 'facts');
  return (
    <div class="service-detail">
      <header class="service-head">
        <div class="row">
          <h2 class="service-name truncate">{service.name}</h2>
          <ServiceChip state={service.state} />
          <span class="grow" />
          <IconButton size="small" label="Close" icon={<X size={16} />} onClick={props.onClose} />
        </div>
        <ServiceActions {...props} />
        {service.reason !== undefined && <Banner tone={service.state === 'failed' ? 'bad' : 'note'}>{service.reason}</Banner>}
        {service.progress !== undefined && <Progress label={`Start of ${service.name}`} value={service.progress} />}
        <Tabs
          label="Views of the service"
          panelId="service-view"
          value={tab.value}
          onChange={(next) => (tab.value = next)}
          tabs={tabs.filter((name) => name !== 'log' || hasLog).map((name) => ({ id: name, label: titles[name] }))}
        />
      </header>
      <TabPanel id="service-view" label={titles[tab.value]}>
        {tab.value === 'log' && <ServiceLog name={service.name} />}
        {tab.value === 'exits' && <Exits service={service} />}
        {tab.value === 'facts' && <ServiceFacts service={service} />}
      </TabPanel>
    </div>
  );
}

function ServiceActions(props: DetailProps): JSX.Element | null {
  const { service } = props;
  const asking = useSignal<'stop' | 'delete' | undefined>(undefined);
  const editing = useSignal<ServiceDefinition | undefined>(undefined);
  const command = useAction(async (verb: ServiceVerb) => {
    await commandService(service.name, verb);
    props.onChanged();
  });
  const edit = useAction(async () => {
    const { definition } = await call('GET /api/v1/services/{name}', { params: { name: service.name } });
    editing.value = definition ?? undefined;
  });
  const fault = command.error ?? edit.error;
  const isDown = service.state === 'stopped' || service.state === 'failed';
  const isBroken = service.since === null;
  const page = service.page === null ? undefined : new URL(`.${service.page}`, baseUrl()).href;
  return (
    <>
      <div class="row row-wrap">
        {page !== undefined && !isDown && (
          <a class="btn btn-primary btn-size-normal" href={page} target="_blank" rel="noreferrer">
            <ExternalLink size={14} /> Open page
          </a>
        )}
        {props.mayChange && !isBroken && (
          <>
            {isDown ? (
              <Button icon={<Play size={14} />} busy={command.busy} onClick={() => void command.run('start')}>
                Start
              </Button>
            ) : (
              <>
                <Button icon={<RotateCw size={14} />} busy={command.busy} onClick={() => void command.run('restart')}>
                  Restart
                </Button>
                {!service.required && (
                  <Button icon={<Square size={14} />} disabled={command.busy} onClick={() => (asking.value = 'stop')}>
                    Stop
                  </Button>
                )}
              </>
            )}
            {service.source === 'api' && (
              <>
                <Button icon={<Pencil size={14} />} busy={edit.busy} onClick={() => void edit.run()}>
                  Edit
                </Button>
                <Button kind="danger" icon={<Trash2 size={14} />} onClick={() => (asking.value = 'delete')}>
                  Delete
                </Button>
              </>
            )}
          </>
        )}
      </div>
      {fault !== undefined && <ErrorView compact title="That did not work" error={fault} />}
      {asking.value === 'stop' && (
        <Confirm
          title={`Stop ${service.name}?`}
          action="Stop it"
          onConfirm={async () => void (await command.run('stop'))}
          onClose={() => (asking.value = undefined)}
        >
          It stays stopped until somebody starts it, or Studio starts again. Who uses it now is cut off.
        </Confirm>
      )}
      {asking.value === 'delete' && (
        <Confirm
          title={`Delete ${service.name}?`}
          action="Delete"
          danger
          onConfirm={async () => {
            await call('DELETE /api/v1/services/{name}', { params: { name: service.name } });
            toast({ text: `Deleted ${service.name}` });
            setParams({ service: '' });
            props.onChanged();
          }}
          onClose={() => (asking.value = undefined)}
        >
          It is stopped and its definition is forgotten. Its folder and its log stay.
        </Confirm>
      )}
      {editing.value !== undefined && <ServiceForm before={editing.value} onClose={() => (editing.value = undefined)} onSaved={props.onChanged} />}
    </>
  );
}

function Exits(props: { readonly service: Service }): JSX.Element {
  const { exits, name } = props.service;
  if (exits.length === 0) return <Empty title="It never ended">How it ends, and what it said last, will stand here.</Empty>;
  return (
    <ol class="stack pane-body">
      {exits.map((exit) => (
        <li key={exit.at} class="stack stack-tight">
          <div class="row row-wrap">
            <RelativeTime at={exit.at} />
            <span class="mono">{exit.signal ?? `exit code ${exit.code ?? '?'}`}</span>
            <span class="faint">after {formatDuration(exit.uptimeMs)}</span>
          </div>
          {exit.lastLines.length > 0 && <CodeBlock label={`Last lines of ${name}`} text={exit.lastLines.join('\n')} />}
        </li>
      ))}
    </ol>
  );
}

function ServiceFacts(props: { readonly service: Service }): JSX.Element {
  const { service } = props;
  return (
    <div class="pane-body">
      <Facts
        facts={[
          ['Title', service.title],
          ['Defined', service.file ?? sourceWords[service.source]],
          ['Needed', service.required ? 'Studio is not ready without it' : 'Studio does without it'],
          ['Starts', service.enabled ? 'with Studio' : 'by hand'],
          ['After', service.after.join(', ')],
          ['Since', <RelativeTime at={service.since} />],
          ['Process', service.pid === null ? undefined : <span class="mono">{service.pid}</span>],
          ['Port', service.port === null ? undefined : <span class="mono">127.0.0.1:{service.port}</span>],
          ['Memory', service.memoryBytes === null ? undefined : formatBytes(service.memoryBytes)],
          ['GPU memory', service.devices.map(({ index, bytes }) => `GPU ${index}: ${formatBytes(bytes)}`).join(', ')],
          ['Restarts', String(service.restarts)],
          ['Last used', service.lastUsedAt === null ? undefined : <RelativeTime at={service.lastUsedAt} />],
        ]}
      />
    </div>
  );
}
