/** The line of a queue: who waits, why, in the order in which they are taken. A job is moved by dragging it, or by alt and the arrows. */
import { GripVertical } from 'lucide-preact';
import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { priorityForDrop } from '../../state/queue-line.ts';
import { useResource } from '../../state/resource.ts';
import { formatCount } from '../../ui/format.ts';
import { Card } from '../../ui/page.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { Job } from '../../../src/contract/jobs.ts';

const READ = 100;

export function QueueLine(props: { readonly queue: string; readonly pending: number }): JSX.Element {
  const orgId = me.value?.orgId ?? '';
  const query = { queue: props.queue, status: 'queued', order: 'line', limit: READ } as const;
  const line = useResource((signal) => call('GET /api/v1/jobs', { query, signal }), [props.queue, orgId], {
    follow: { rooms: [`org:${orgId}`], reloadAfterMs: 1_000, apply: (value, event) => (event.entity_kind === 'job' ? 'reload' : value) },
  });
  return (
    <Card title={`Line of ${props.queue}`} flush aside={<span class="faint small">drag to move, or alt with the arrows</span>}>
      <View of={line} what="The line">
        {(page) =>
          page.items.length === 0 ? (
            <p class="work-none faint">{props.pending === 0 ? 'Nobody waits.' : 'Nobody of yours waits; others of this machine do.'}</p>
          ) : (
            <>
              <Waiting jobs={page.items} onMoved={line.reload} />
              {props.pending > page.items.length && <p class="work-none faint small">and {formatCount(props.pending - page.items.length, 'more', 'more')}</p>}
            </>
          )
        }
      </View>
    </Card>
  );
}

function Waiting({ jobs, onMoved }: { readonly jobs: readonly Job[]; readonly onMoved: () => void }): JSX.Element {
  const [dragged, setDragged] = useState<string>();
  const [over, setOver] = useState<string>();
  const move = async (id: string, targetId: string | undefined): Promise<void> => {
    const priority = targetId === undefined ? undefined : priorityForDrop(jobs, id, targetId);
    if (priority === undefined) return;
    try {
      await call('PATCH /api/v1/jobs/{id}', { params: { id }, body: { priority } });
      toast({ text: `Priority ${priority}` });
    } catch (error) {
      toastError('It was not moved', error);
    }
    onMoved();
  };
  const drop = (targetId: string): void => {
    if (dragged !== undefined) void move(dragged, targetId);
    setDragged(undefined);
    setOver(undefined);
  };
  return (
    <ol class="queue-line">
      {jobs.map((job, index) => (
        <li
          key={job.id}
          class={over === job.id && dragged !== job.id ? 'queue-waiting queue-over' : 'queue-waiting'}
          draggable
          onDragStart={(event) => {
            event.dataTransfer?.setData('text/plain', job.id);
            setDragged(job.id);
          }}
          onDragOver={(event) => {
            if (dragged === undefined) return;
            event.preventDefault();
            setOver(job.id);
          }}
          onDragEnd={() => setOver(undefined)}
          onDrop={(event) => {
            event.preventDefault();
            drop(job.id);
          }}
        >
          <button
            type="button"
            class="queue-grip"
            aria-label={`Move ${job.name ?? job.id}: alt with the arrows`}
            onKeyDown={(event) => {
              const step = event.altKey ? (event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0) : 0;
              if (step === 0) return;
              event.preventDefault();
              void move(job.id, jobs[index + step]?.id);
            }}
          >
            <GripVertical size={14} aria-hidden="true" />
          </button>
          <span class="mono figures faint">{job.priority}</span>
          <a class="strong truncate" href={href(`/jobs/${job.id}`)}>
            {job.name ?? job.stepPath ?? job.type}
          </a>
          <span class="muted truncate grow" data-tip={job.waitReason?.message}>
            {job.waitReason?.message}
          </span>
          <RelativeTime at={job.createdAt} />
        </li>
      ))}
    </ol>
  );
}
