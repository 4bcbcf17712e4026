/** The machine: how hard it works, its devices and who has them, its queues and services. */
import { href } from '../../route.ts';
import { health } from '../../state/health.ts';
import { useServices } from '../../state/services.ts';
import { formatPercent } from '../../ui/format.ts';
import { Sparkline } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { ServiceChip, StatusChip } from '../../ui/status-chip.tsx';
import { View } from '../../ui/views.tsx';
import { MemoryBar } from '../gpus/memory-bar.tsx';
import { memoryParts, memoryWords } from '../gpus/memory-parts.ts';
import { loadLines } from './load-lines.ts';
import type { JSX } from 'preact';
import type { Gpu, MachineView } from '../../state/overview.ts';

export function LoadCard({ load }: { readonly load: MachineView['load'] }): JSX.Element {
  return (
    <Card title="Machine" aside={<span class="faint small">last hour</span>}>
      <div class="load">
        {loadLines(load.points, health.value?.machine.cpuShare).map((line) => (
          <div key={line.name} class="load-line">
            <span class="strong">{line.name}</span>
            <Sparkline label={`${line.name} over the last hour, now ${line.figure}`} values={line.values} max={line.max} />
            <span class="mono figures load-figure">{line.figure}</span>
          </div>
        ))}
      </div>
    </Card>
  );
}

export function GpusCard(props: Pick<MachineView, 'gpus' | 'leases'>): JSX.Element | null {
  if (props.gpus.length === 0) return null;
  return (
    <Card title="GPUs" aside={<AllLink path="/gpus" of="GPUs" />}>
      <ul class="gpu-strip">
        {props.gpus.map((gpu) => (
          <GpuTile key={gpu.uuid} gpu={gpu} leases={props.leases} />
        ))}
      </ul>
    </Card>
  );
}

function GpuTile({ gpu, leases }: { readonly gpu: Gpu; readonly leases: MachineView['leases'] }): JSX.Element {
  const parts = memoryParts(gpu, leases);
  const tenants = parts.filter((part) => part.kind === 'tenant').map((part) => part.name);
  const memory = memoryWords(gpu, parts);
  return (
    <li class="gpu-tile">
      <div class="row small">
        <span class="strong">GPU {gpu.index}</span>
        <span class="grow" />
        {gpu.state === 'ok' ? (
          <span class="mono faint figures">
            {gpu.utilizationPercent === null ? '' : formatPercent(gpu.utilizationPercent / 100)}
            {gpu.temperatureC === null ? '' : ` · ${gpu.temperatureC} °C`}
          </span>
        ) : (
          <StatusChip bare status={gpu.state === 'lost' ? 'failed' : 'draining'} word={gpu.state === 'lost' ? 'Lost' : undefined} />
        )}
      </div>
      <MemoryBar label={`Memory of GPU ${gpu.index}, ${memory}`} parts={parts} />
      <span class="small faint truncate" data-tip={memory}>
        {tenants.length === 0 ? memory : tenants.join(', ')}
      </span>
    </li>
  );
}

export function QueuesCard({ queues }: Pick<MachineView, 'queues'>): JSX.Element {
  return (
    <Card title="Queues" flush aside={<AllLink path="/queues" of="queues" />}>
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
          {queues.map((queue) => (
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

export function ServicesCard(): JSX.Element {
  const services = useServices();
  return (
    <Card title="Services" flush aside={<AllLink path="/services" of="services" />}>
      <View of={services} what="Services">
        {(page) =>
          page.items.length === 0 ? (
            <p class="work-none faint">Database and Redis are run elsewhere.</p>
          ) : (
            <ul class="work-list">
              {page.items.map((service) => (
                <li key={service.name} class="service-row">
                  <span class="strong">{service.name}</span>
                  <span class="muted truncate grow" data-tip={service.reason ?? undefined}>
                    {service.reason ?? ''}
                  </span>
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

function AllLink(props: { readonly path: string; readonly of: string }): JSX.Element {
  return (
    <a class="small" href={href(props.path)} aria-label={`All ${props.of}`}>
      All
    </a>
  );
}
