/** Services: what runs beside Studio, how it fares, its page, its log; and defining one. */
import { useSignal } from '@preact/signals';
import { Plus, Server } from 'lucide-preact';
import { setParams, useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { useCommands } from '../../shell/commands.ts';
import { useServices } from '../../state/services.ts';
import { Button } from '../../ui/button.tsx';
import { AsCurl } from '../../ui/copy.tsx';
import { Page, Split } from '../../ui/page.tsx';
import { ServiceChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { MachineTabs } from './machine-tabs.tsx';
import { ServiceDetail } from './service-detail.tsx';
import { ServiceForm } from './service-form.tsx';
import { sourceWords } from './source-words.ts';
import type { JSX } from 'preact';
import type { Service } from '../../../src/contract/services.ts';
import type { Column } from '../../ui/table.tsx';

const columns: readonly Column<Service>[] = [
  {
    key: 'name',
    title: 'Service',
    render: (service) => (
      <span class="truncate">
        <span class="strong">{service.name}</span> {service.title !== null && <span class="muted">{service.title}</span>}
      </span>
    ),
  },
  { key: 'state', title: 'State', width: '136px', render: (service) => <ServiceChip state={service.state} /> },
  {
    key: 'reason',
    title: 'Why',
    minor: true,
    render: (service) => (
      <span class="muted truncate" data-tip={service.reason}>
        {service.reason ?? ''}
      </span>
    ),
  },
  { key: 'source', title: 'Defined', width: '96px', minor: true, render: (service) => <span class="muted">{sourceWords[service.source]}</span> },
  { key: 'port', title: 'Port', width: '72px', align: 'end', minor: true, render: (service) => <span class="mono">{service.port ?? '–'}</span> },
  { key: 'restarts', title: 'Restarts', width: '76px', align: 'end', minor: true, render: (service) => <span class="mono">{service.restarts}</span> },
  { key: 'since', title: 'Since', width: '88px', align: 'end', render: (service) => <RelativeTime at={service.since} /> },
];

/** What is left of the list beside an open service. */
const BESIDE = ['name', 'state', 'since'];

export function ServicesPage(): JSX.Element {
  const services = useServices();
  const [open] = useParam('service');
  const isDefining = useSignal(false);
  const mayChange = me.value?.role === 'super_admin';
  const define = (): void => void (isDefining.value = true);
  useCommands([
    { id: 'services:new', title: 'Define a service', group: 'This page', keys: 'n', disabled: !mayChange, run: define },
    { id: 'services:close', title: 'Close the service', group: 'This page', keys: 'escape', disabled: open === '', run: () => setParams({ service: '' }) },
  ]);
  const shown = services.value?.items.find((service) => service.name === open);
  return (
    <Page
      title="Services"
      layout="fill"
      toolbar={<MachineTabs current="/services" />}
      actions={
        <>
          <AsCurl method="GET" path="api/v1/services" />
          {mayChange && (
            <Button kind="primary" icon={<Plus size={14} />} hint="n" onClick={define}>
              New service
            </Button>
          )}
        </>
      }
    >
      <Split
        label="Service"
        wide
        detail={
          shown === undefined ? undefined : (
            <ServiceDetail key={shown.name} service={shown} mayChange={mayChange} onChanged={services.reload} onClose={() => setParams({ service: '' })} />
          )
        }
      >
        <View of={services} what="Services">
          {(page) => (
            <Table
              label="Services"
              density="normal"
              columns={open === '' ? columns : columns.filter(({ key }) => BESIDE.includes(key))}
              rows={page.items}
              rowKey={(service) => service.name}
              openKey={open}
              onOpen={(service) => setParams({ service: service.name }, { push: open === '' })}
              empty={
                <Empty
                  title="Nothing runs beside Studio"
                  icon={<Server size={24} strokeWidth={1.5} />}
                  action={mayChange && <Button onClick={define}>Define a service</Button>}
                >
                  A model server, ComfyUI, TensorBoard, Jupyter: anything with a command. Studio keeps it running and opens its page here.
                </Empty>
              }
            />
          )}
        </View>
      </Split>
      {isDefining.value && (
        <ServiceForm
          onClose={() => (isDefining.value = false)}
          onSaved={(name) => {
            services.reload();
            setParams({ service: name });
          }}
        />
      )}
    </Page>
  );
}
