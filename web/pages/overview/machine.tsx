/** The machine: how busy it is, its queues and services. */
import { href } from '../../route.ts';
import { cpuHistory, health } from '../../state/health.ts';
import { useServices } from '../../state/services.ts';
import { formatBytes, formatCount, formatPercent } from '../../ui/format.ts';
import { Meter, Sparkline } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { ServiceChip, StatusChip } from '../../ui/status-chip.tsx';
import { Skeleton, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { Health } from '../../state/health.ts';
import type { Gpu, MachineView } from '../../state/overview.ts';

export function MachineCards(props: { readonly machine: MachineView }): JSX.Element {
  return (
    <>
      <LoadCard gpus={props.machine.gpus} />
      <QueuesCard queues={props.machine.queues} />
      <ServicesCard />
    </>
  );
}

function QueuesCard(props: { readonly queues: MachineView['queues'] }): JSX.Element {
  return (
    <Card
      title="Queues"
      flush
      aside={
        <a class="small" href={href('/jobs')}>
          Jobs
        </a>
      }
    >
      <table class="mini">
        <thead>
          <tr>
            <th scope="col">Queue</th>
            <th scope="col">State</th>
            <th scope="col">Running</th>
            <th scope="col">Waiting</th>
          </tr>
        </thead>
        <tbody>
          {props.queues.map((queue) => (
            <tr key={queue.name}>
              <th scope="row">{queue.name}</th>
              <td>{queue.state === 'running' ? <StatusChip bare status="ok" word="Open" /> : <StatusChip bare status={queue.state} />}</td>
              <td class="mono">
                {queue.running} <span class="faint">of {queue.slots}</span>
              </td>
              <td class="mono">{queue.pending}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function ServicesCard(): JSX.Element {
  const services = useServices();
  return (
    <Card
      title="Services"
      flush
      aside={
        <a class="small" href={href('/settings/system')}>
          System
        </a>
      }
    >
      <View of={services} what="Services">
        {(page) =>
          page.items.length === 0 ? (
            <p class="work-none faint">Database and Redis are run elsewhere.</p>
          ) : (
            <ul class="work-list">
              {page.items.map((service) => (
                <li key={service.name} class="service-row">
                  <span class="strong">{service.name}</span>
                  <span class="muted truncate grow">{service.reason ?? ''}</span>
                  <ServiceChip state={service.state} bare />
                </li>
              ))}
            </ul>
          )
        }
      </View>
    </Card>
  );
}

function LoadCard(props: { readonly gpus: readonly Gpu[] }): JSX.Element {
  const value = health.value;
  return (
    <Card title="Machine">
      {value === undefined ? (
        <Skeleton rows={3} label="Loading the machine" />
      ) : (
        <div class="stack">
          <CpuLine machine={value.machine} />
          <MemoryLine machine={value.machine} />
          {props.gpus.map((gpu) => (
            <GpuLine key={gpu.uuid} gpu={gpu} />
          ))}
        </div>
      )}
    </Card>
  );
}

function CpuLine({ machine }: { readonly machine: Health['machine'] }): JSX.Element {
  const share = machine.cpuShare === null ? '–' : formatPercent(machine.cpuShare);
  return (
    <div class="stack stack-tight">
      <LoadHead name="CPU" about={formatCount(Math.round(machine.cores * 10) / 10, 'core')} figure={`${share} · load ${machine.load1.toFixed(2)}`} />
      <Sparkline label={`CPU over the last minutes, now ${share}`} values={cpuHistory.value} max={1} />
    </div>
  );
}

function MemoryLine({ machine }: { readonly machine: Health['machine'] }): JSX.Element {
  return (
    <div class="stack stack-tight">
      <LoadHead
        name="Memory"
        about={`Studio ${formatBytes(machine.processBytes)}`}
        figure={`${formatBytes(machine.memoryUsedBytes)} of ${formatBytes(machine.memoryTotalBytes)}`}
      />
      <Meter label="Memory used" used={machine.memoryUsedBytes} total={machine.memoryTotalBytes} />
    </div>
  );
}

function GpuLine({ gpu }: { readonly gpu: Gpu }): JSX.Element {
  const parts = [
    gpu.utilizationPercent === null ? '' : formatPercent(gpu.utilizationPercent / 100),
    gpu.temperatureC === null ? '' : `${gpu.temperatureC} °C`,
    `${formatBytes(gpu.memoryUsedBytes)} of ${formatBytes(gpu.memoryTotalBytes)}`,
  ];
  return (
    <div class="stack stack-tight">
      <LoadHead name={`gpu-${gpu.index}`} about={gpu.name} figure={parts.filter((part) => part !== '').join(' · ')} />
      <Meter label={`Memory of gpu-${gpu.index}`} used={gpu.memoryUsedBytes} total={gpu.memoryTotalBytes} />
    </div>
  );
}

function LoadHead(props: { readonly name: string; readonly about: string; readonly figure: string }): JSX.Element {
  return (
    <div class="row small">
      <span class="strong">{props.name}</span>
      <span class="muted truncate grow">{props.about}</span>
      <span class="mono faint">{props.figure}</span>
    </div>
  );
}
