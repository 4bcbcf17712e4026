/** What a step got and gave, why it waits, what it asked of the machine. Payloads are read when they are looked at. */
import type { JSX } from 'preact';
import type { Job } from '../../../src/contract/jobs.ts';
import type { Step } from '../../../src/contract/instances.ts';
import { call, urlOf } from '../../api.ts';
import { href } from '../../route.ts';
import type { InstancePage, InstanceState } from '../../state/instance.ts';
import { localTimes } from '../../state/local-times.ts';
import { useResource } from '../../state/resource.ts';
import { now } from '../../ui/clock.ts';
import { formatAbsolute, formatBytes, formatDuration } from '../../ui/format.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { Progress } from '../../ui/meter.tsx';
import { Facts } from '../../ui/page.tsx';
import { Duration } from '../../ui/time.tsx';
import { Skeleton } from '../../ui/views.tsx';
import { QueuedWhy } from './queued-why.tsx';
import { WaitCard } from './wait-card.tsx';

interface StepResultProps {
  readonly state: InstanceState;
  readonly page: InstancePage;
  readonly step: Step;
}

export function StepResult(props: StepResultProps): JSX.Element {
  const { step, page } = props;
  const isRead = !page.outdated.has(step.path) || step.input !== null || step.output !== null;
  const time = (at: string | null): string | undefined => (at === null ? undefined : formatAbsolute(Date.parse(at)));
  return (
    <div class="pane-body">
      {step.error !== undefined && <Failed error={step.error} />}
      {step.waitReason !== undefined && (
        <p class="why">
          {step.jobId !== undefined && step.status === 'queued' ? (
            <QueuedWhy key={step.path} instanceId={page.instance.id} path={step.path} before={step.waitReason.message} />
          ) : (
            localTimes(step.waitReason.message, now.value)
          )}
        </p>
      )}
      <WaitCard key={`${step.generation}.${step.seq}`} instance={page.instance} step={step} onInstance={props.state.put} />
      {step.endedAt === null && step.progress !== undefined && (
        <section class="pane-section" aria-label="Progress">
          <Progress label={`Progress of ${step.path}`} value={step.progress.fraction} />
          <p class="muted">
            {Math.round(step.progress.fraction * 100)} %{step.progress.message === undefined ? '' : ` · ${step.progress.message}`}
          </p>
        </section>
      )}
      <section class="pane-section" aria-label="Output">
        <h3>Output</h3>
        {isRead ? <Output step={step} /> : <Skeleton rows={3} />}
      </section>
      <section class="pane-section" aria-label="Input">
        <h3>Input, after expressions</h3>
        {isRead ? <Input step={step} /> : <Skeleton rows={3} />}
      </section>
      <Facts
        facts={[
          ['Took', <Duration from={step.startedAt} to={step.endedAt} />],
          ['Waited', waitedOf(step)],
          ['Why', step.reason],
          ['Queued', time(step.queuedAt)],
          ['Started', time(step.startedAt)],
          ['Ended', time(step.endedAt)],
          ['Generation', step.generation > 1 ? String(step.generation) : undefined],
          ['Worker', step.workerId],
        ]}
      />
      {step.jobId !== undefined && <JobResources key={step.jobId} jobId={step.jobId} />}
    </div>
  );
}

function Failed(props: { readonly error: NonNullable<Step['error']> }): JSX.Element {
  const { error } = props;
  return (
    <div class="error-view error-compact" role="status">
      <div class="grow">
        <div class="strong">{error.message}</div>
        <div class="faint mono">{error.code}</div>
        {error.remedy !== undefined && <div>{error.remedy}</div>}
        {error.details !== undefined && <JsonView value={error.details} label="Details of the error" />}
      </div>
    </div>
  );
}

/** Before it began; a step that ran at once waited for nothing worth a line. */
function waitedOf(step: Step): string | undefined {
  if (step.queuedAt === null || step.startedAt === null) return undefined;
  const ms = Date.parse(step.startedAt) - Date.parse(step.queuedAt);
  return ms < 1 ? undefined : `${formatDuration(ms)} on the queue`;
}

function Input(props: { readonly step: Step }): JSX.Element {
  const { step } = props;
  if (step.input !== null) return <JsonView value={step.input} label="Input" />;
  return <p class="muted">{step.startedAt === null ? 'Not evaluated yet.' : 'Nothing was kept.'}</p>;
}

function Output(props: { readonly step: Step }): JSX.Element {
  const { step } = props;
  if (step.endedAt === null) return <p class="muted">Not there yet.</p>;
  const large = largeOf(step.output);
  if (large === undefined) return <JsonView value={step.output} label="Output" pathPrefix={`steps.${step.key}.output`} />;
  return (
    <p>
      <a href={urlOf('/api/v1/artifacts/{id}', { id: large.id }).href} download={`${step.key}.json`}>
        Download the output
      </a>{' '}
      <span class="muted">({formatBytes(large.bytes)}, kept as a file; expressions read it as if it were here)</span>
    </p>
  );
}

/** A result that is too large for its row. */
function largeOf(output: Step['output']): { readonly id: string; readonly bytes: number } | undefined {
  const held = typeof output === 'object' && output !== null && !Array.isArray(output) ? output['$artifact'] : undefined;
  if (typeof held !== 'object' || held === null || Array.isArray(held)) return undefined;
  const { id, bytes } = held;
  return typeof id === 'string' && typeof bytes === 'number' ? { id, bytes } : undefined;
}

/** What its job asked for and what it used, live. */
function JobResources(props: { readonly jobId: string }): JSX.Element | null {
  const found = useResource<Job>(async (signal) => await call('GET /api/v1/jobs/{id}', { params: { id: props.jobId }, signal }), [props.jobId], {
    follow: { rooms: [`job:${props.jobId}`], apply: (job, event) => (event.entity_id === job.id ? 'reload' : job), reloadAfterMs: 1_000 },
  });
  const job = found.value;
  if (job === undefined) return null;
  const { gpus, vramBytes, cpu, memoryBytes } = job.resources;
  const asked = [
    gpus === undefined ? '' : `${gpus} GPU`,
    vramBytes === undefined ? '' : `${formatBytes(vramBytes)} of GPU memory`,
    cpu === undefined ? '' : `${cpu} cores`,
    memoryBytes === undefined ? '' : `${formatBytes(memoryBytes)} of memory`,
  ].filter((text) => text !== '');
  const devices = job.lease?.devices?.map((device) => `GPU ${device.index}: ${formatBytes(device.bytes)}`).join(', ');
  return (
    <section class="pane-section" aria-label="Resources">
      <h3>Resources</h3>
      <Facts
        facts={[
          [
            'Job',
            <a class="mono" href={href(`/jobs/${job.id}`)}>
              {job.id}
            </a>,
          ],
          ['Queue', job.queue],
          ['Asked for', asked.length === 0 ? 'what its queue gives' : asked.join(', ')],
          ['Granted', devices],
          ['Exit code', job.exitCode === undefined ? undefined : String(job.exitCode)],
          ...Object.entries(job.metrics ?? {}).map(
            ([name, value]) => [name, name.toLowerCase().includes('bytes') ? formatBytes(value) : String(value)] as const,
          ),
        ]}
      />
    </section>
  );
}
