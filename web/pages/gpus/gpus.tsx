/** GPUs: each device with who uses it now and what it did, what waits for one, and, where there is none, what was looked for. */
import { useSignal } from '@preact/signals';
import { Gpu as GpuIcon } from 'lucide-preact';
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { useGpuHistory, useGpus } from '../../state/gpus.ts';
import { waitWords } from '../../state/overview.ts';
import { useResource } from '../../state/resource.ts';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { Card, Page } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Banner, Empty, Skeleton, View } from '../../ui/views.tsx';
import { GpuCard } from './gpu-card.tsx';
import type { JSX } from 'preact';
import type { Job } from '../../../src/contract/jobs.ts';
import type { Gpu, GpuList } from '../../state/gpus.ts';

const SPANS = [
  { minutes: 60, label: '1 h', name: 'The last 1 h' },
  { minutes: 360, label: '6 h', name: 'The last 6 h' },
  { minutes: 1_440, label: '24 h', name: 'The last 24 h' },
] as const;

const WAITING_EVERY_MS = 5_000;

export function GpusPage(): JSX.Element {
  const gpus = useGpus();
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
            <NoGpu detection={list.detection} />
          ) : (
            <div class="stack gpus">
              {list.detection.faults.map((fault) => (
                <Banner key={fault} tone="warn">
                  {fault}
                </Banner>
              ))}
              <Waiting />
              <div class="gpu-cards">
                {list.items.map((gpu) => (
                  <GpuCard
                    key={gpu.uuid}
                    gpu={gpu}
                    minutes={minutes.value}
                    history={history.value?.items.find((one) => one.uuid === gpu.uuid)?.points}
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

function NoGpu(props: { readonly detection: GpuList['detection'] }): JSX.Element {
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

/** Jobs that ask for a device and have none yet, each with its reason. */
function Waiting(): JSX.Element | null {
  const jobs = useResource((signal) => call('GET /api/v1/jobs', { query: { status: 'queued', limit: 200 }, signal }), [], { everyMs: WAITING_EVERY_MS });
  const waiting = (jobs.value?.items ?? []).filter(needsGpu);
  if (waiting.length === 0) return null;
  return (
    <Card title="Waiting for a GPU" aside={<span class="count">{waiting.length}</span>} flush>
      <ul class="work-list">
        {waiting.slice(0, 8).map((job) => (
          <li key={job.id}>
            <a class="gpu-waiting" href={href(`/jobs/${job.id}`)}>
              <span class="mono truncate">{job.name ?? job.id}</span>
              <span class="muted truncate grow">{waitWords(job)}</span>
              <RelativeTime at={job.createdAt} />
            </a>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function needsGpu(job: Job): boolean {
  return (job.resources.gpus ?? 0) > 0 || (job.resources.vramBytes ?? 0) > 0;
}
