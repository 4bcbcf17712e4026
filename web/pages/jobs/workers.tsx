/** Workers: the processes that take jobs from queues, what each runs now, and whether it still answers. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { useCommands } from '../../shell/commands.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { now } from '../../ui/clock.ts';
import { IdEnd } from '../../ui/copy.tsx';
import { Page } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Empty, ErrorView, View } from '../../ui/views.tsx';
import { JobTabs } from './jobs.tsx';
import { ShutOutWorker } from './shut-out-worker.tsx';
import type { JSX } from 'preact';
import type { ItemOf } from '../../api.ts';
import type { Column } from '../../ui/table.tsx';

type Worker = ItemOf<'GET /api/v1/workers'>;

// They beat every few seconds; nothing else tells of them.
const EVERY_MS = 5_000;
// Three beats missed.
const SILENT_MS = 20_000;
// Of what one runs, as many as a cell shows.
const SHOWN = 4;

export function WorkersPage(): JSX.Element {
  const asking = useSignal<Worker | undefined>(undefined);
  const current = useSignal<Worker | undefined>(undefined);
  const mayChange = me.value?.role === 'super_admin';
  const letIn = useAction(async (worker: Worker) => {
    await call('POST /api/v1/workers/{id}/admit', { params: { id: worker.id } });
    toast({ text: `The worker on ${worker.host} may take jobs again` });
    workers.reload();
  });
  const change = (worker: Worker): void => (worker.shutOut === undefined ? void (asking.value = worker) : void letIn.run(worker));
  const pointed = current.value;
  useCommands(
    mayChange && pointed !== undefined && !pointed.builtIn
      ? [{ id: 'worker:access', title: `${wordOf(pointed)} the worker on ${pointed.host}`, group: 'This page', keys: 'd', run: () => change(pointed) }]
      : [],
  );
  const workers = useResource((signal) => call('GET /api/v1/workers', { query: { limit: 200 }, signal }), [], { everyMs: EVERY_MS });
  return (
    <Page title="Workers" layout="fill" toolbar={<JobTabs current="workers" />}>
      <View of={workers} what="Workers">
        {(page) => (
          <Table
            density="normal"
            label="Workers"
            columns={mayChange && page.items.some((worker) => !worker.builtIn) ? [...columns, accessColumn(change)] : columns}
            onCursor={(worker) => (current.value = worker)}
            rows={page.items}
            rowKey={(worker) => worker.id}
            empty={<Empty title="No worker is alive">Studio starts one of its own; when there is none, jobs wait and say so.</Empty>}
          />
        )}
      </View>
      {letIn.error !== undefined && <ErrorView compact title="The worker was not let in" error={letIn.error} />}
      {asking.value !== undefined && <ShutOutWorker worker={asking.value} onDone={workers.reload} onClose={() => (asking.value = undefined)} />}
    </Page>
  );
}

function wordOf(worker: Worker): string {
  return worker.shutOut === undefined ? 'Shut out' : 'Let in';
}

function accessColumn(change: (worker: Worker) => void): Column<Worker> {
  return {
    ...{ key: 'access', title: 'Access', hideTitle: true, width: '104px', align: 'end' },
    render: (worker) =>
      worker.builtIn ? null : (
        <Button size="small" label={`${wordOf(worker)} the worker on ${worker.host}`} onClick={() => change(worker)}>
          {wordOf(worker)}
        </Button>
      ),
  };
}

const columns: readonly Column<Worker>[] = [
  {
    key: 'worker',
    title: 'Worker',
    render: (worker) => (
      <span class="row">
        <span class="strong truncate">{worker.host}</span>
        <span class="faint mono row-minor">pid {worker.pid}</span>
        {worker.builtIn && <span class="tag row-minor">in Studio</span>}
      </span>
    ),
  },
  { key: 'state', title: 'State', width: '120px', render: (worker) => <State worker={worker} /> },
  {
    key: 'queues',
    title: 'Queues',
    minor: true,
    render: (worker) => (
      <span class="truncate mono" data-tip={worker.queues.join(', ')}>
        {worker.queues.join(', ')}
      </span>
    ),
  },
  {
    key: 'slots',
    title: 'Slots',
    width: '96px',
    align: 'end',
    render: (worker) => <span class="mono figures">{`${worker.running.length} of ${worker.slots}`}</span>,
  },
  {
    key: 'running',
    title: 'Runs',
    minor: true,
    render: (worker) => (
      <span class="row truncate">
        {worker.running.slice(0, SHOWN).map((id) => (
          <a key={id} aria-label={id} href={href(`/jobs/${id}`)}>
            <IdEnd id={id} />
          </a>
        ))}
        {worker.running.length > SHOWN && <span class="faint">and {worker.running.length - SHOWN} more</span>}
      </span>
    ),
  },
  { key: 'since', title: 'Since', width: '96px', align: 'end', minor: true, render: (worker) => <RelativeTime at={worker.startedAt} /> },
];

function State({ worker }: { readonly worker: Worker }): JSX.Element {
  if (worker.shutOut !== undefined)
    return (
      <span data-tip={worker.shutOut.reason === '' ? 'It takes no more jobs' : worker.shutOut.reason}>
        <StatusChip bare status="failed" word="Shut out" />
      </span>
    );
  if (worker.refusal !== undefined)
    return (
      <span data-tip={worker.refusal}>
        <StatusChip bare status="failed" word="Refused" />
      </span>
    );
  const isSilent = now.value - Date.parse(worker.lastBeatAt) > SILENT_MS;
  if (!worker.joined && !isSilent) return <StatusChip bare status="waiting" word="Asks to join" />;
  return isSilent ? <StatusChip bare status="degraded" word="Silent" /> : <StatusChip bare status="ok" word="Alive" />;
}
