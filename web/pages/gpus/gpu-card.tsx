/** One device: its state, who has its memory, how hard it works, its processes and its last hours. */
import { useSignal } from '@preact/signals';
import { href } from '../../route.ts';
import { drainGpu, resumeGpu } from '../../state/gpus.ts';
import { useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { formatBytes, formatPercent } from '../../ui/format.ts';
import { Card, Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { TimeChart } from '../../ui/time-chart.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { ErrorView, Skeleton } from '../../ui/views.tsx';
import { MemoryBar, memoryColors } from './memory-bar.tsx';
import { memoryFigure, memoryParts } from './memory-parts.ts';
import type { JSX } from 'preact';
import type { Gpu, GpuHistory, GpuLease } from '../../state/gpus.ts';

type Points = GpuHistory['items'][number]['points'];

const MINUTE_MS = 60_000;
// A step that Studio did not see is a gap; a late one is none.
const GAP_STEPS = 2.5;

interface GpuCardProps {
  readonly gpu: Gpu;
  /** Of every device. */
  readonly leases: readonly GpuLease[];
  readonly minutes: number;
  readonly history: Points | undefined;
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
  const used = `${formatBytes(gpu.memoryUsedBytes)} of ${formatBytes(gpu.memoryTotalBytes)}`;
  return (
    <div class="stack stack-tight">
      <div class="row small">
        <span class="strong grow">{gpu.sharesMemory ? 'Memory, shared with the machine' : 'Memory'}</span>
        <span class="mono faint">{used}</span>
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
  if (history === undefined || history.length === 0)
    return <p class="small faint gpu-no-history">Nothing is recorded of this time yet; a point a minute is.</p>;
  const toMs = now.value;
  const utilization = history.map((point) => ({
    atMs: Date.parse(point.at),
    value: point.utilizationPercent === null ? null : point.utilizationPercent / 100,
  }));
  const memory = history.map((point) => ({ atMs: Date.parse(point.at), value: point.memoryUsedBytes / Math.max(1, gpu.memoryTotalBytes) }));
  const most = Math.max(...history.map((point) => point.memoryUsedBytes));
  return (
    <TimeChart
      label={`The last ${minutes / 60} h of GPU ${gpu.index}: memory at most ${formatBytes(most)}, utilisation at most ${formatPercent(Math.max(...utilization.map((point) => point.value ?? 0)))}`}
      fromMs={toMs - minutes * MINUTE_MS}
      toMs={toMs}
      gapMs={GAP_STEPS * props.stepMs}
      series={[
        { name: 'Memory', color: 'var(--cached-solid)', points: memory },
        { name: 'Utilisation', color: 'var(--running-solid)', points: utilization },
      ]}
      describe={(index) => describe(history[index])}
    />
  );
}

function describe(point: Points[number] | undefined): string {
  if (point === undefined) return '';
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
