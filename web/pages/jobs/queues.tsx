/** Queues: how much waits, how much runs, how many slots; pause, drain, more or fewer slots. */
import { Pause, Play } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Queue } from '../../../src/contract/queues.ts';
import { call } from '../../api.ts';
import type { BodyOf } from '../../../src/contract/index.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { useAction } from '../../state/action.ts';
import { createQueues } from '../../state/jobs.ts';
import { useOwned } from '../../state/use-owned.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { formatDuration, formatNumber } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { Card, Facts, Page } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { ErrorView, View } from '../../ui/views.tsx';
import { JobTabs } from './jobs.tsx';
import { QueueLine } from './queue-line.tsx';

type Change = BodyOf<'PATCH /api/v1/queues/{name}'>;

export function QueuesPage(): JSX.Element {
  const state = useOwned(() => createQueues(me.value?.orgId ?? ''), [me.value?.orgId]);
  // Queues are of the machine: who may not change them is told by the server, who surely can't sees no controls.
  const mayChange = me.value?.role === 'super_admin';
  const put = (queue: Queue): void => state.change((list) => ({ queues: list.queues.map((each) => (each.name === queue.name ? queue : each)) }));
  return (
    <Page title="Queues" toolbar={<JobTabs current="queues" />}>
      <View of={{ value: state.value.value, error: state.error.value, reload: () => void state.reload() }} what="queues">
        {(list) => (
          <div class="stack">
            <div class="queue-cards">
              {list.queues.map((queue) => (
                <QueueCard key={queue.name} queue={queue} mayChange={mayChange} onChanged={put} />
              ))}
            </div>
            {list.queues
              .filter((queue) => queue.pending > 0)
              .map((queue) => (
                <QueueLine key={queue.name} queue={queue.name} pending={queue.pending} />
              ))}
          </div>
        )}
      </View>
    </Page>
  );
}

function QueueCard(props: { readonly queue: Queue; readonly mayChange: boolean; readonly onChanged: (queue: Queue) => void }): JSX.Element {
  const { queue } = props;
  const change = useAction(async (body: Change) => props.onChanged(await call('PATCH /api/v1/queues/{name}', { params: { name: queue.name }, body })));
  const isPaused = queue.state !== 'running';
  const jobs = (status: string): string => href(`/jobs?filter=${encodeURIComponent(`queue:${queue.name} status:${status}`)}`);
  return (
    <Card title={queue.name} aside={queue.state === 'running' ? <StatusChip status="enabled" word="Open" /> : <StatusChip status={queue.state} />}>
      <div class="stack">
        {change.error !== undefined && <ErrorView compact title="The queue was not changed" error={change.error} />}
        <div class="queue-figures">
          <a href={jobs('running')}>
            <div class="queue-figure">{formatNumber(queue.running)}</div>
            <div class="small muted">running</div>
          </a>
          <a href={jobs('queued')}>
            <div class="queue-figure">{formatNumber(queue.pending)}</div>
            <div class="small muted">waiting</div>
          </a>
          <div>
            <div class="queue-figure">{formatNumber(queue.slots)}</div>
            <div class="small muted">slots</div>
          </div>
        </div>
        <Meter label={`Slots of ${queue.name} in use`} used={queue.running} total={queue.slots} warnAt={2} badAt={2} />
        <Facts
          facts={[
            ['At most', `${formatNumber(queue.maxPending)} waiting`],
            ['Time limit', `${formatDuration(queue.defaultTimeoutMs)} unless a job says otherwise`],
          ]}
        />
        {props.mayChange && (
          <div class="row row-wrap queue-controls">
            <Slots queue={queue} busy={change.busy} onChange={(slots) => void change.run({ slots })} />
            <Button
              size="small"
              busy={change.busy}
              icon={isPaused ? <Play size={12} /> : <Pause size={12} />}
              onClick={() => void change.run({ paused: !isPaused })}
            >
              {isPaused ? 'Resume' : 'Pause'}
            </Button>
          </div>
        )}
        {isPaused && <p class="small muted">Running jobs go on to their end; waiting ones stay where they are.</p>}
      </div>
    </Card>
  );
}

function Slots(props: { readonly queue: Queue; readonly busy: boolean; readonly onChange: (slots: number) => void }): JSX.Element {
  const [text, setText] = useState<string>();
  const shown = text ?? String(props.queue.slots);
  const slots = Number(shown);
  const fault = /^\d+$/.test(shown) && slots <= 256 ? undefined : 'A whole number from 0 to 256.';
  const submit = (event: Event): void => {
    event.preventDefault();
    if (fault !== undefined || slots === props.queue.slots) return;
    props.onChange(slots);
    setText(undefined);
  };
  return (
    <form class="row slots-form" onSubmit={submit}>
      <Field label="Slots" fault={fault}>
        {(links) => <Input {...links} type="number" min={0} max={256} value={shown} onInput={setText} />}
      </Field>
      <Button size="small" type="submit" busy={props.busy} disabled={fault !== undefined || slots === props.queue.slots}>
        Set
      </Button>
    </form>
  );
}
