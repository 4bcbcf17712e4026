/** A run for people who only run: how it goes in words, what waits for them, what came out with its files. No graph. Live. */
import { Play, RotateCw } from 'lucide-preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { containersOf } from '../../state/body-counts.ts';
import { useItemCounts } from '../../state/body-steps.ts';
import { createInstance } from '../../state/instance.ts';
import type { InstancePage, InstanceState } from '../../state/instance.ts';
import { localTimes } from '../../state/local-times.ts';
import { runWords } from '../../state/run-words.ts';
import { useOwned } from '../../state/use-owned.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { formatDuration } from '../../ui/format.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { Progress } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { toastError } from '../../ui/toast.tsx';
import { Empty, ErrorView, Skeleton, View } from '../../ui/views.tsx';
import { can, runAction } from '../instances/actions.ts';
import { WaitCard } from '../instances/wait-card.tsx';
import { ArtifactsSection } from '../jobs/artifacts.tsx';

export interface RunProgressProps {
  readonly instanceId: string;
  /** Shows another run in this one's place. */
  readonly onRun: (instanceId: string) => void;
  /** Puts the input back into the form, to be changed. */
  readonly onChange?: ((input: unknown) => void) | undefined;
}

export function RunProgress(props: RunProgressProps): JSX.Element {
  const state = useOwned(() => createInstance(props.instanceId), [props.instanceId]);
  const page = state.value.value;
  if (page?.deleted === true) return <Empty title="This run was deleted">Start another one.</Empty>;
  return (
    <View of={{ value: page, error: state.error.value, reload: () => void state.reload() }} what="the run">
      {(shown) => <Shown {...props} state={state} page={shown} />}
    </View>
  );
}

function Shown(props: RunProgressProps & { readonly state: InstanceState; readonly page: InstancePage }): JSX.Element {
  const { state, page } = props;
  const { instance, definition, steps } = page;
  const containers = useMemo(() => [...containersOf(definition)].filter((key) => steps.has(key)), [definition, steps]);
  const counts = useItemCounts(page, containers);
  const words = runWords({ instance, definition, steps, counts }, formatDuration);
  const [asking, setAsking] = useState(false);
  const again = useAction(async () => {
    const made = await call('POST /api/v1/instances/{id}/rerun', { params: { id: instance.id }, body: { version: 'newest' } });
    props.onRun(made.id);
  });
  const over = instance.endedAt !== null;
  const waiting = [...steps.values()].filter((step) => step.status === 'waiting' && step.waitReason !== undefined);
  return (
    <Card
      title="The run"
      aside={
        <>
          <StatusChip status={instance.status} />
          <span class="faint small">
            <RelativeTime at={instance.createdAt} /> · <Duration from={instance.startedAt} to={instance.endedAt} />
          </span>
        </>
      }
    >
      <div class="stack">
        <p class={instance.status === 'failed' ? 'run-headline why-failed' : 'run-headline'} role="status">
          {localTimes(words.headline, now.value)}
        </p>
        {instance.error?.remedy !== undefined && <p class="muted">{instance.error.remedy}</p>}
        {!over && <Progress label="How far it is" value={words.fraction} />}
        {words.now.length > 0 && (
          <ul class="run-now">
            {words.now.map((line) => (
              <li key={line}>{localTimes(line, now.value)}</li>
            ))}
          </ul>
        )}
        {waiting.map((step) => (
          <WaitCard key={`${step.path}.${step.seq}`} instance={instance} step={step} onInstance={state.put} />
        ))}
        {over && <Result state={state} page={page} />}
        {again.error !== undefined && <ErrorView compact title="It did not start" error={again.error} />}
        <div class="row row-wrap">
          {over && (
            <Button icon={<RotateCw size={14} />} busy={again.busy} onClick={() => void again.run()}>
              Run again with the same input
            </Button>
          )}
          {over && props.onChange !== undefined && (
            <Button icon={<Play size={14} />} onClick={() => props.onChange?.(instance.input)}>
              Change the input
            </Button>
          )}
          {can(instance.status, 'cancel') && <Button onClick={() => setAsking(true)}>Cancel</Button>}
          <a class="small" href={href(`/instances/${instance.id}`)}>
            See every step
          </a>
        </div>
      </div>
      {asking && (
        <Confirm
          title="Cancel this run?"
          action="Cancel it"
          danger
          onClose={() => setAsking(false)}
          onConfirm={async () => state.put(await runAction(instance.id, 'cancel'))}
        >
          What runs is stopped. Results so far are kept.
        </Confirm>
      )}
    </Card>
  );
}

// Files of more jobs than this are seen on the page with every step.
const MAX_JOBS = 20;

function Result(props: { readonly state: InstanceState; readonly page: InstancePage }): JSX.Element {
  const { state, page } = props;
  const { output, status } = page.instance;
  useEffect(() => {
    if (page.outputOutdated) state.fetchInstance().catch((error: unknown) => toastError('Read the result', error));
  }, [page.outputOutdated]);
  const jobs = [...page.steps.values()].filter((step) => step.jobId !== undefined && step.endedAt !== null).slice(-MAX_JOBS);
  return (
    <>
      {status === 'completed' && (
        <section class="pane-section" aria-label="Result">
          <h3>Result</h3>
          {page.outputOutdated ? (
            <Skeleton rows={3} />
          ) : typeof output === 'string' ? (
            <p class="run-text">{output}</p>
          ) : (
            <JsonView value={output} label="Result" />
          )}
        </section>
      )}
      {jobs.length > 0 && <ArtifactsSection jobIds={jobs.map((step) => step.jobId ?? '')} version={jobs.map((step) => step.seq).join('.')} />}
    </>
  );
}
