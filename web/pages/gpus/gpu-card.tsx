/** One device: its state, who has its memory, how hard it works, its processes and its last hours. */
import { useSignal } from '@preact/signals';
import { href } from '../../route.ts';
import { drainGpu, resumeGpu } from '../../state/gpus.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { formatBytes, formatClock, formatPercent } from '../../ui/format.ts';
import { Card, Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Plot } from '../../ui/plot.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView, Skeleton } from '../../ui/views.tsx';
import { MemoryBar, memoryColors, memoryHue } from './memory-bar.tsx';
import { areasAt, memoryAreas } from './memory-history.ts';
import { memoryFigure, memoryParts, memoryWords } from './memory-parts.ts';
import type { JSX } from 'preact';
import type { Gpu, GpuHistory, GpuLease } from '../../state/gpus.ts';
import type { MemoryArea } from './memory-history.ts';

const MINUTE_MS = 60_000;
// A step that Studio did not see is a gap; a late one is none.
const GAP_STEPS = 2.5;

interface GpuCardProps {
  readonly gpu: Gpu;
  /** Of every device. */
  readonly leases: readonly GpuLease[];
  readonly minutes: number;
  readonly history: GpuHistory['items'][number] | undefined;
  readonly stepMs: number;
  readonly isHistoryLoading: boolean;
  readonly mayChange: boolean;
  readonly onChanged: () => void;
}

export function GpuCard(props: GpuCardProps): JSX.Element {
  const { gpu } = props;
  return (
    <Card title={titleOf(gpu)} aside={<State gpu={gpu} mayChange={props.mayChange} onChanged={props.onChanged} />}>
      <div class="stack">
        <div class="gpu-name muted small">
          <span class="truncate">{gpu.name}</span>
          {gpu.driver !== null && <span class="faint">driver {gpu.driver}</span>}
        </div>
        {gpu.reason !== null && (
          <p class={gpu.state === 'lost' ? 'why why-failed' : 'why'}>
            {gpu.reason}, <RelativeTime at={gpu.since} />
          </p>
        )}
        {gpu.state !== 'lost' && <Memory gpu={gpu} leases={props.leases} />}
        {gpu.state !== 'lost' && <Figures gpu={gpu} />}
        <History {...props} />
        <Processes gpu={gpu} />
        {gpu.lastError !== null && <Facts facts={[['Last error', <LastError key="error" error={gpu.lastError} />]]} />}
      </div>
    </Card>
  );
}

function titleOf(gpu: Gpu): string {
  return gpu.partOf === null ? `GPU ${gpu.index}` : `GPU ${gpu.partOf.index}, instance ${gpu.index % 100}`;
}

function State(props: Pick<GpuCardProps, 'gpu' | 'mayChange' | 'onChanged'>): JSX.Element {
  const { gpu, onChanged } = props;
  const isAsking = useSignal(false);
  const resume = useAction(async () => {
    await resumeGpu(gpu.uuid);
    toast({ text: `GPU ${gpu.index} is in use again` });
    onChanged();
  });
  return (
    <>
      {resume.error !== undefined && <span class="small why-failed gpu-refused">{resume.error.message}</span>}
      {props.mayChange && gpu.state === 'ok' && (
        <Button size="small" kind="quiet" onClick={() => (isAsking.value = true)}>
          Drain
        </Button>
      )}
      {props.mayChange && gpu.state !== 'ok' && (
        <Button size="small" busy={resume.busy} onClick={() => void resume.run()}>
          Use again
        </Button>
      )}
      {gpu.state === 'ok' ? <StatusChip status="ok" /> : gpu.state === 'lost' ? <StatusChip status="failed" word="Lost" /> : <StatusChip status="draining" />}
      {isAsking.value && <DrainDialog gpu={gpu} onClose={() => (isAsking.value = false)} onDone={onChanged} />}
    </>
  );
}

function DrainDialog(props: { readonly gpu: Gpu; readonly onClose: () => void; readonly onDone: () => void }): JSX.Element {
  const reason = useSignal('');
  const drain = useAction(async () => {
    await drainGpu(props.gpu.uuid, reason.value.trim());
    props.onDone();
    props.onClose();
  });
  return (
    <Dialog title={`Drain GPU ${props.gpu.index}?`} onClose={props.onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void drain.run();
        }}
      >
        <p>Nothing new is granted on it; what runs there goes on to its end. It stays drained across restarts until you use it again.</p>
        {drain.error !== undefined && <ErrorView compact title="It was not drained" error={drain.error} />}
        <Field label="Reason" hint="Shown to whoever waits for it.">
          {(links) => <Input {...links} value={reason.value} maxLength={500} placeholder="new fan on Friday" onInput={(text) => (reason.value = text)} />}
        </Field>
        <div class="row row-end">
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={drain.busy} disabled={reason.value.trim() === ''}>
            Drain
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Memory({ gpu, leases }: Pick<GpuCardProps, 'gpu' | 'leases'>): JSX.Element {
  const parts = memoryParts(gpu, leases);
  const used = memoryWords(gpu, parts);
  return (
    <div class="stack stack-tight">
      <div class="row small">
        <span class="strong grow">{gpu.sharesMemory ? 'Memory, shared with the machine' : 'Memory'}</span>
        <span class="figures faint">{used}</span>
      </div>
      <MemoryBar label={used} parts={parts} />
      <ul class="memory-legend small">
        {parts.map((part, index) => (
          <li key={part.key} class="row">
            <span class={`memory-key memory-${part.kind}`} style={{ backgroundColor: memoryColors(part, index).used }} aria-hidden="true" />
            {part.href === undefined ? (
              <span class="muted truncate">{part.name}</span>
            ) : (
              <a class="truncate" href={href(part.href)}>
                {part.name}
              </a>
            )}
            <span class="mono faint">{memoryFigure(part)}</span>
            {part.about !== undefined && <span class="tag">{part.about}</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Figures({ gpu }: { readonly gpu: Gpu }): JSX.Element {
  const figures = [
    ['Utilisation', gpu.utilizationPercent === null ? undefined : formatPercent(gpu.utilizationPercent / 100), undefined],
    ['Temperature', gpu.temperatureC === null ? undefined : `${gpu.temperatureC} °C`, undefined],
    ['Power', gpu.powerW === null ? undefined : `${Math.round(gpu.powerW)} W`, gpu.powerLimitW === null ? undefined : `of ${Math.round(gpu.powerLimitW)}`],
  ] as const;
  return (
    <dl class="gpu-figures">
      {figures.map(([name, value, about]) => (
        <div key={name}>
          <dt class="small muted">{name}</dt>
          <dd class="gpu-figure">
            <span class="queue-figure">{value ?? '–'}</span> {value !== undefined && about !== undefined && <span class="small faint">{about}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function History(props: GpuCardProps): JSX.Element {
  const { gpu, history, minutes } = props;
  if (props.isHistoryLoading) return <Skeleton shape="block" rows={1} label="Loading the history" />;
  if (history === undefined || history.points.length === 0)
    return <p class="small faint gpu-no-history">Nothing is recorded of this time yet; a point a minute is.</p>;
  const toMs = now.value;
  const areas = memoryAreas(history);
  const total = Math.max(1, gpu.memoryTotalBytes);
  const most = Math.max(...history.points.map((point) => point.memoryUsedBytes));
  const busiest = Math.max(...history.points.map((point) => point.utilizationPercent ?? 0));
  const utilization = history.points.map((point) => ({
    x: Date.parse(point.at),
    y: point.utilizationPercent === null ? null : point.utilizationPercent / 100,
  }));
  return (
    <Plot
      label={`The last ${minutes / 60} h of GPU ${gpu.index}: memory at most ${formatBytes(most)}, utilisation at most ${formatPercent(busiest / 100)}`}
      axis="time"
      height={120}
      range={[toMs - minutes * MINUTE_MS, toMs]}
      max={1}
      gap={GAP_STEPS * props.stepMs}
      format={formatPercent}
      series={[
        ...areas.map((area, index) => ({ name: area.name, color: areaColor(area.key, index), isStacked: true, points: sharesOf(area.points, total) })),
        { name: 'Utilisation', color: 'var(--text)', points: utilization },
      ]}
      describe={(x) => <Moment x={x} history={history} areas={areas} />}
    />
  );
}

function sharesOf(points: MemoryArea['points'], total: number): MemoryArea['points'] {
  return points.map(({ x, y }) => ({ x, y: y === null ? null : y / total }));
}

function areaColor(key: string, index: number): string {
  return key === 'rest' ? 'var(--queued-solid)' : memoryHue(index);
}

function Moment(props: { readonly x: number; readonly history: GpuHistory['items'][number]; readonly areas: readonly MemoryArea[] }): JSX.Element {
  const point = props.history.points.find((one) => Date.parse(one.at) === props.x);
  const figures = point === undefined ? '' : describe(point);
  const parts = areasAt(props.areas, props.x).map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`);
  return <span class="mono">{[formatClock(props.x), figures, ...parts].filter((text) => text !== '').join(' · ')}</span>;
}

function describe(point: GpuHistory['items'][number]['points'][number]): string {
  return [
    formatBytes(point.memoryUsedBytes),
    ...(point.utilizationPercent === null ? [] : [formatPercent(point.utilizationPercent / 100)]),
    ...(point.temperatureC === null ? [] : [`${Math.round(point.temperatureC)} °C`]),
    ...(point.powerW === null ? [] : [`${Math.round(point.powerW)} W`]),
  ].join(' · ');
}

function Processes({ gpu }: { readonly gpu: Gpu }): JSX.Element | null {
  if (gpu.processes.length === 0) return null;
  return (
    <table class="mini gpu-processes" aria-label={`Processes on GPU ${gpu.index}`}>
      <thead>
        <tr>
          <th scope="col">Process</th>
          <th scope="col">Of</th>
          <th scope="col" class="align-end">
            Memory
          </th>
        </tr>
      </thead>
      <tbody>
        {gpu.processes.map((process) => (
          <tr key={process.pid}>
            <th scope="row">
              <span class="mono faint">{process.pid}</span> <span data-tip={process.name}>{process.name.split('/').at(-1)}</span>
            </th>
            <td class="muted">
              <Owner tenant={process.tenant} />
            </td>
            <td class="mono align-end">{process.memoryBytes === null ? '–' : formatBytes(process.memoryBytes)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Owner({ tenant }: Pick<Gpu['processes'][number], 'tenant'>): JSX.Element {
  if (tenant === null) return <>not Studio’s</>;
  if (tenant.id === null) return <>another organisation’s {tenant.kind}</>;
  return tenant.kind === 'job' ? (
    <a class="mono" href={href(`/jobs/${tenant.id}`)}>
      {tenant.id}
    </a>
  ) : (
    <>{tenant.id}</>
  );
}

function LastError({ error }: { readonly error: NonNullable<Gpu['lastError']> }): JSX.Element {
  return (
    <>
      {error.message}, <RelativeTime at={error.at} />
    </>
  );
}
