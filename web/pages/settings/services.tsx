/** Services: what Studio keeps running beside itself, how it fares, how it ended before. */
import { useSignal } from '@preact/signals';
import { RotateCw } from 'lucide-preact';
import { commandService, useServices } from '../../state/services.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { formatDuration } from '../../ui/format.ts';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Card } from '../../ui/page.tsx';
import { ServiceChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { Service } from '../../../src/contract/services.ts';
import type { Column } from '../../ui/table.tsx';

export function ServicesCard(props: { readonly mayChange: boolean }): JSX.Element {
  const services = useServices();
  const restarting = useSignal<string | undefined>(undefined);
  const shown = useSignal<Service | undefined>(undefined);
  const restart = async (name: string): Promise<void> => {
    await commandService(name, 'restart');
    toast({ text: `${name} is restarting` });
    services.reload();
  };
  const columns: readonly Column<Service>[] = [
    { key: 'name', title: 'Service', render: (service) => <span class="strong">{service.name}</span> },
    { key: 'state', title: 'State', width: '130px', render: (service) => <ServiceChip state={service.state} /> },
    {
      key: 'reason',
      title: 'Why',
      minor: true,
      render: (service) => (
        <span class="muted" data-tip={service.reason}>
          {service.reason ?? ''}
        </span>
      ),
    },
    { key: 'pid', title: 'PID', width: '84px', align: 'end', minor: true, render: (service) => <span class="mono">{service.pid ?? '–'}</span> },
    { key: 'since', title: 'Since', width: '90px', align: 'end', render: (service) => <RelativeTime at={service.since} /> },
    { key: 'restarts', title: 'Exits', width: '72px', align: 'end', render: (service) => <Exits service={service} onShow={() => (shown.value = service)} /> },
    ...(props.mayChange
      ? [
          {
            key: 'actions',
            title: 'Actions',
            hideTitle: true,
            width: '104px',
            align: 'end',
            render: (service: Service) => (
              <Button size="small" icon={<RotateCw size={12} />} onClick={() => (restarting.value = service.name)}>
                Restart
              </Button>
            ),
          } as const,
        ]
      : []),
  ];
  return (
    <View of={services} what="Services">
      {(page) => (
        <Card title="Services" flush>
          <Table
            inline
            density="normal"
            label="Services"
            columns={columns}
            rows={page.items}
            rowKey={(service) => service.name}
            empty={<Empty title="Studio supervises nothing here">Database and Redis are run elsewhere.</Empty>}
          />
          {restarting.value !== undefined && (
            <Confirm
              title={`Restart ${restarting.value}?`}
              action="Restart"
              onConfirm={() => restart(restarting.value ?? '')}
              onClose={() => (restarting.value = undefined)}
            >
              Studio waits for it and goes on by itself. Nothing that is stored is lost.
            </Confirm>
          )}
          {shown.value !== undefined && <ExitHistory service={shown.value} onClose={() => (shown.value = undefined)} />}
        </Card>
      )}
    </View>
  );
}

function Exits(props: { readonly service: Service; readonly onShow: () => void }): JSX.Element {
  if (props.service.exits.length === 0) return <span class="faint">0</span>;
  return (
    <button type="button" class="link-button mono" aria-label={`${props.service.exits.length}: how ${props.service.name} ended before`} onClick={props.onShow}>
      {props.service.exits.length}
    </button>
  );
}

function ExitHistory(props: { readonly service: Service; readonly onClose: () => void }): JSX.Element {
  return (
    <Dialog title={`How ${props.service.name} ended before`} size="large" onClose={props.onClose}>
      <ol class="stack">
        {props.service.exits.map((exit) => (
          <li key={exit.at} class="stack stack-tight">
            <div class="row row-wrap">
              <RelativeTime at={exit.at} />
              <span class="mono">{exit.signal ?? `exit code ${exit.code ?? '?'}`}</span>
              <span class="faint">after {formatDuration(exit.uptimeMs)}</span>
            </div>
            {exit.lastLines.length > 0 && <CodeBlock label="Last lines" text={exit.lastLines.join('\n')} />}
          </li>
        ))}
      </ol>
    </Dialog>
  );
}
