/** What happened, in order: the events of the instance, as the server keeps them for a day. */
import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { asApiError, call } from '../../api.ts';
import type { ApiError } from '../../api.ts';
import { localTimes } from '../../state/local-times.ts';
import { useCalm } from '../../state/use-calm.ts';
import { now } from '../../ui/clock.ts';
import { JsonView } from '../../ui/json-view.tsx';
import { Split } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Empty, View } from '../../ui/views.tsx';

interface ShownEvent {
  readonly event_type: string;
  readonly sequence: number;
  readonly [key: string]: unknown;
}

const columns: readonly Column<ShownEvent>[] = [
  { key: 'sequence', title: 'No.', width: '56px', align: 'end', render: (event) => <span class="mono">{event.sequence}</span> },
  { key: 'type', title: 'Event', width: '240px', render: (event) => <span class="mono">{event.event_type}</span> },
  { key: 'about', title: 'About', render: (event) => <span class="muted">{localTimes(aboutOf(event), now.value)}</span>, minor: true },
  {
    key: 'at',
    title: 'When',
    width: '92px',
    align: 'end',
    render: (event) => <RelativeTime at={typeof event['emitted_at'] === 'string' ? event['emitted_at'] : null} />,
  },
];

function aboutOf(event: ShownEvent): string {
  const payload = event['payload'];
  if (typeof payload !== 'object' || payload === null) return '';
  const { path, message, error, waitReason, reason } = payload as Record<string, unknown>;
  const inner = (value: unknown): string => (typeof value === 'object' && value !== null && 'message' in value ? String(value.message) : '');
  return [path, message, inner(error), inner(waitReason), reason].filter((part) => typeof part === 'string' && part !== '').join(' · ');
}

/** @param props.seq the newest sequence: what came since is read when it grows, at most once a second */
export function EventsTab(props: { readonly instanceId: string; readonly seq: number }): JSX.Element {
  const { events, error, reload } = useEvents(props.instanceId, props.seq);
  const [open, setOpen] = useState<number>();
  const shown = events?.find((event) => event.sequence === open);
  return (
    <View of={{ value: events, error, reload }} what="events">
      {(all) => (
        <Split
          label="Event"
          detail={
            shown === undefined ? undefined : (
              <div class="pane-body">
                <JsonView value={shown} label="Event" openDepth={3} />
              </div>
            )
          }
        >
          <Table
            label="Events"
            columns={columns}
            rows={all}
            rowKey={(event) => String(event.sequence)}
            openKey={open === undefined ? undefined : String(open)}
            onOpen={(event) => setOpen(event.sequence === open ? undefined : event.sequence)}
            empty={<Empty title="No events are kept">Events are kept for 24 hours.</Empty>}
          />
        </Split>
      )}
    </View>
  );
}

const MAX_PAGES = 50;

interface Events {
  readonly events: readonly ShownEvent[] | undefined;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
}

function useEvents(instanceId: string, seq: number): Events {
  const [events, setEvents] = useState<readonly ShownEvent[]>();
  const [error, setError] = useState<ApiError>();
  const [turn, setTurn] = useState(0);
  const calm = useCalm(seq);
  useEffect(() => {
    const stop = new AbortController();
    const read = async (): Promise<void> => {
      const fresh = await readAfter(instanceId, events?.at(-1)?.sequence ?? 0, stop.signal);
      setEvents([...(events ?? []), ...fresh]);
      setError(undefined);
    };
    read().catch((thrown: unknown) => {
      if (!stop.signal.aborted) setError(asApiError(thrown));
    });
    return () => stop.abort();
  }, [instanceId, calm, turn]);
  return { events, error, reload: () => setTurn(turn + 1) };
}

async function readAfter(id: string, sequence: number, signal: AbortSignal): Promise<readonly ShownEvent[]> {
  const events: ShownEvent[] = [];
  let after: string | undefined = sequence === 0 ? undefined : String(sequence);
  for (let page = 0; page < MAX_PAGES; page += 1) {
    // Serial: each page begins where the one before ended.
    const answer = await call('GET /api/v1/instances/{id}/events', { params: { id }, query: { limit: 200, after }, signal });
    events.push(...answer.items);
    if (answer.next === null) break;
    after = answer.next;
  }
  return events;
}
