/** The machine: services, queues, devices. Health and its history stand above them in cards of their own. */
import { href } from '../../route.ts';
import { useServices } from '../../state/services.ts';
import { formatBytes, formatPercent } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { ServiceChip, StatusChip } from '../../ui/status-chip.tsx';
import { View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { Gpu, MachineView } from '../../state/overview.ts';

export function MachineCards(props: { readonly machine: MachineView }): JSX.Element {
  return (
    <div class="overview-machine">
      <QueuesCard queues={props.machine.queues} />
      <ServicesCard />
      <GpusCard gpus={props.machine.gpus} />
    </div>
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

function GpusCard(props: { readonly gpus: readonly Gpu[] }): JSX.Element | null {
  if (props.gpus.length === 0) return null;
  return (
    <Card title="GPUs">
      <div class="stack">
        {props.gpus.map((gpu) => (
          <div key={gpu.uuid} class="stack stack-tight">
            <div class="row small">
              <span class="strong">gpu-{gpu.index}</span>
              <span class="muted truncate grow">{gpu.name}</span>
              <span class="mono faint">
                {gpu.utilizationPercent === null ? '' : `${formatPercent(gpu.utilizationPercent / 100)} · `}
                {gpu.temperatureC === null ? '' : `${gpu.temperatureC} °C`}
              </span>
            </div>
            <Meter label={`Memory of gpu-${gpu.index}`} used={gpu.memoryUsedBytes} total={gpu.memoryTotalBytes} />
            <span class="mono faint">
              {formatBytes(gpu.memoryUsedBytes)} of {formatBytes(gpu.memoryTotalBytes)}
            </span>
          </div>
        ))}
      </div>
    </Card>
  );
}
