/** GPUs: each device with who uses it now and what it did, what waits for one, and, where there is none, what was looked for. */
import { useSignal } from '@preact/signals';
import { Gpu as GpuIcon } from 'lucide-preact';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { useGpuHistory, useGpuLine, useGpus } from '../../state/gpus.ts';
import { Button } from '../../ui/button.tsx';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { Card, Page } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Banner, Empty, Skeleton, View } from '../../ui/views.tsx';
import { GpuCard } from './gpu-card.tsx';
import type { JSX } from 'preact';
import type { Gpu, GpuList, GpuRequest } from '../../state/gpus.ts';

const SPANS = [
  { minutes: 60, label: '1 h', name: 'The last 1 h' },
  { minutes: 360, label: '6 h', name: 'The last 6 h' },
  { minutes: 1_440, label: '24 h', name: 'The last 24 h' },
] as const;

// Of the line, as many as are read at a glance.
const SHOWN = 8;

export function GpusPage(): JSX.Element {
  const gpus = useGpus();
  const line = useGpuLine();
  const minutes = useSignal<number>(60);
  const history = useGpuHistory(minutes.value);
  const items = gpus.value?.items ?? [];
  return (
    <Page
      title="GPUs"
      aside={items.length === 0 ? undefined : <span class="faint small figures gpu-summary">{summary(items)}</span>}
      actions={items.length === 0 ? undefined : <SpanPicker value={minutes.value} onChange={(value) => (minutes.value = value)} />}
    >
      <View of={gpus} what="GPUs" skeleton={<Skeleton shape="cards" rows={2} label="Loading GPUs" />}>
        {(list) =>
          list.items.length === 0 ? (
            <NoGpu detection={list.detection} onLook={gpus.reload} />
          ) : (
            <div class="stack gpus">
              {list.detection.faults.map((fault) => (
                <Banner key={fault} tone="warn">
                  {fault}
                </Banner>
              ))}
              <Waiting waiting={line.value?.waiting ?? []} />
              <div class="gpu-cards">
                {list.items.map((gpu) => (
                  <GpuCard
                    key={gpu.uuid}
                    gpu={gpu}
                    leases={line.value?.leases ?? []}
                    minutes={minutes.value}
                    history={history.value?.items.find((one) => one.uuid === gpu.uuid)}
                    stepMs={history.value?.stepMs ?? 60_000}
                    isHistoryLoading={history.value === undefined && history.error === undefined}
                    mayChange={me.value?.role === 'super_admin'}
                    onChanged={gpus.reload}
                  />
                ))}
              </div>
            </div>
          )
        }
      </View>
    </Page>
  );
}

function summary(gpus: readonly Gpu[]): string {
  const sum = (of: (gpu: Gpu) => number): number => gpus.filter((gpu) => gpu.state !== 'lost').reduce((total, gpu) => total + of(gpu), 0);
  return `${formatCount(gpus.length, 'device')} · ${formatBytes(sum((gpu) => gpu.memoryUsedBytes))} of ${formatBytes(sum((gpu) => gpu.memoryTotalBytes))} in use`;
}

function SpanPicker(props: { readonly value: number; readonly onChange: (minutes: number) => void }): JSX.Element {
  return (
    <div class="span-picker" role="group" aria-label="Time shown">
      {SPANS.map((span) => (
        <button
          key={span.minutes}
          type="button"
          class="span-choice"
          aria-pressed={props.value === span.minutes}
          aria-label={span.name}
          onClick={() => props.onChange(span.minutes)}
        >
          {span.label}
        </button>
      ))}
    </div>
  );
}

function NoGpu(props: { readonly detection: GpuList['detection']; readonly onLook: () => void }): JSX.Element {
  const { unknown } = props.detection;
  if (unknown !== null)
    return (
      <Empty
        title="Which GPUs there are is not known yet"
        icon={<GpuIcon size={24} aria-hidden="true" />}
        action={<Button onClick={props.onLook}>Look again</Button>}
      >
        {`${unknown.charAt(0).toUpperCase()}${unknown.slice(1)}. `}What needs no GPU runs meanwhile; what needs one waits.
      </Empty>
    );
  return (
    <Empty title="No GPU: everything runs on CPU queues" icon={<GpuIcon size={24} aria-hidden="true" />}>
      Studio looks again by itself; nothing has to be restarted once there is one. It looked for:
      <span class="gpu-looked">
        {props.detection.lookedFor.map((one) => (
          <span key={one.program}>
            <span class="mono strong">{one.program}</span> {one.about}
          </span>
        ))}
      </span>
    </Empty>
  );
}

/** The line for devices, each with what it asks for and why it waits. */
function Waiting(props: { readonly waiting: readonly GpuRequest[] }): JSX.Element | null {
  const { waiting } = props;
  if (waiting.length === 0) return null;
  const more = waiting.length - SHOWN;
  return (
    <Card title="Waiting for a GPU" aside={<span class="count">{waiting.length}</span>} flush>
      <ul class="work-list">
        {waiting.slice(0, SHOWN).map((request) => (
          <li key={request.position} class="gpu-waiting">
            <span class="gpu-waiting-name truncate">
              {request.tenantId !== null && request.kind === 'job' ? <a href={href(`/jobs/${request.tenantId}`)}>{request.holder}</a> : request.holder}
            </span>
            <span class="mono faint gpu-waiting-wants">{wants(request)}</span>
            <span class="muted truncate grow" data-tip={request.reason.message}>
              {request.reason.message}
            </span>
            <RelativeTime at={request.queuedAt} />
          </li>
        ))}
      </ul>
      {more > 0 && <p class="work-none faint small">and {formatCount(more, 'more', 'more')}</p>}
    </Card>
  );
}

function wants(request: GpuRequest): string {
  const memory = request.vramBytes > 0 ? formatBytes(request.vramBytes) : '';
  return [request.gpus > 0 ? formatCount(request.gpus, 'GPU') : '', memory].filter((part) => part !== '').join(' · ');
}
