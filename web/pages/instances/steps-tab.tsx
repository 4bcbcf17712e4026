/** Every step of an instance as a table; a map or loop unfolds to its items, an item to its steps. A click opens the step. */
import { ChevronDown, ChevronRight } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Step } from '../../../src/contract/instances.ts';
import { href } from '../../route.ts';
import { containersOf, inOrder } from '../../state/body-counts.ts';
import { useBodySteps, useItemCounts } from '../../state/body-steps.ts';
import type { BodySteps } from '../../state/body-steps.ts';
import { localTimes } from '../../state/local-times.ts';
import { now } from '../../ui/clock.ts';
import { cardStatus } from '../../graph/model.ts';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { toastError } from '../../ui/toast.tsx';
import { Banner, Empty } from '../../ui/views.tsx';
import type { ShownInstance } from './graph-tab.tsx';

type Row =
  | { readonly kind: 'step'; readonly step: Step; readonly depth: number; readonly fold: 'open' | 'closed' | undefined; readonly items: string | undefined }
  | { readonly kind: 'more'; readonly path: string; readonly depth: number; readonly shown: number };

const indent = (depth: number): Record<string, string> => (depth === 0 ? {} : { paddingInlineStart: `${depth * 16}px` });

export function StepsTab(props: ShownInstance): JSX.Element {
  const { page } = props;
  const containers = containersOf(props.definition);
  const bodies = useBodySteps(page.instance.id, page.bodySeq);
  const maps = [...page.steps.values()].filter((step) => step.path === step.key && containers.has(step.key)).map((step) => step.path);
  const counts = useItemCounts(page.instance.id, maps, page.bodySeq);
  const top = [...page.steps.values()].filter((step) => !step.path.includes('['));
  return (
    <>
      {page.partial && (
        <Banner tone="note">
          This instance has more steps than a page holds; the first {page.steps.size} are shown. All of them: GET /api/v1/instances/{page.instance.id}/steps.
        </Banner>
      )}
      <Table
        label="Steps"
        columns={columnsOf(bodies)}
        rows={rowsOf(top, 0, { bodies, containers, counts })}
        rowKey={(row) => (row.kind === 'step' ? row.step.path : `${row.path} more`)}
        openKey={props.selected}
        onOpen={(row) =>
          row.kind === 'step' ? props.onSelect(row.step.path) : void bodies.more(row.path).catch((error: unknown) => toastError('Read more', error))
        }
        empty={<Empty title="No step yet">Steps appear as their turn comes.</Empty>}
      />
    </>
  );
}

interface Folds {
  readonly bodies: BodySteps;
  readonly containers: ReadonlySet<string>;
  readonly counts: ReadonlyMap<string, string>;
}

function rowsOf(steps: readonly Step[], depth: number, folds: Folds): readonly Row[] {
  return steps.flatMap((step): readonly Row[] => {
    const holds = step.path.endsWith(']') || folds.containers.has(step.key);
    const unfolded = holds ? folds.bodies.open.get(step.path) : undefined;
    const row: Row = { kind: 'step', step, depth, fold: holds ? (unfolded === undefined ? 'closed' : 'open') : undefined, items: folds.counts.get(step.path) };
    if (unfolded === undefined) return [row];
    const more: readonly Row[] = unfolded.next === null ? [] : [{ kind: 'more', path: step.path, depth: depth + 1, shown: unfolded.steps.length }];
    return [row, ...rowsOf(inOrder(unfolded.steps), depth + 1, folds), ...more];
  });
}

function columnsOf(bodies: BodySteps): readonly Column<Row>[] {
  const ofStep = (render: (step: Step) => JSX.Element | number | string) => (row: Row) => (row.kind === 'step' ? render(row.step) : '');
  return [
    { key: 'status', title: 'Status', width: '132px', render: ofStep((step) => <StatusChip status={cardStatus({ status: step.status, step })} />) },
    { key: 'path', title: 'Step', render: (row) => <Path row={row} bodies={bodies} /> },
    { key: 'why', title: 'Why', render: (row) => (row.kind === 'step' ? <Why step={row.step} items={row.items} /> : ''), minor: true },
    { key: 'generation', title: 'Gen.', width: '52px', align: 'end', render: ofStep((step) => step.generation), minor: true },
    { key: 'attempt', title: 'Try', width: '48px', align: 'end', render: ofStep((step) => step.attempt), minor: true },
    { key: 'job', title: 'Job', width: '160px', minor: true, render: ofStep(jobOf) },
    { key: 'started', title: 'Started', width: '88px', align: 'end', render: ofStep((step) => <RelativeTime at={step.startedAt} />), minor: true },
    { key: 'took', title: 'Took', width: '84px', align: 'end', render: ofStep((step) => <Duration from={step.startedAt} to={step.endedAt} />) },
  ];
}

function Path(props: { readonly row: Row; readonly bodies: BodySteps }): JSX.Element {
  const { row } = props;
  if (row.kind === 'more')
    return (
      <span class="muted" style={indent(row.depth)}>
        {row.shown} are shown; load more
      </span>
    );
  const { step, fold, depth } = row;
  // Below its map the rest of the path says where it is.
  const name = depth === 0 ? step.path : (/(\[\d+\]|[^/[\]]+)$/.exec(step.path)?.[0] ?? step.path);
  if (fold === undefined)
    return (
      <span class="mono" style={indent(depth)}>
        {name}
      </span>
    );
  const toggle = (event: Event): void => {
    event.stopPropagation();
    props.bodies.toggle(step.path).catch((error: unknown) => toastError(`Read ${step.path}`, error));
  };
  return (
    <span class="row step-fold" style={indent(depth)}>
      <button type="button" class="link-button step-fold-button" aria-expanded={fold === 'open'} aria-label={`Steps of ${step.path}`} onClick={toggle}>
        {fold === 'open' ? <ChevronDown size={14} aria-hidden="true" /> : <ChevronRight size={14} aria-hidden="true" />}
      </button>
      <span class="mono">{name}</span>
    </span>
  );
}

function Why(props: { readonly step: Step; readonly items: string | undefined }): JSX.Element {
  const { step, items } = props;
  const words = localTimes(step.error?.message ?? step.waitReason?.message ?? items ?? step.reason ?? '', now.value);
  return <span class={step.error === undefined ? 'why' : 'why-failed'}>{words}</span>;
}

function jobOf(step: Step): JSX.Element | string {
  // An item holds steps and does nothing itself.
  if (step.path.endsWith(']')) return '';
  if (step.jobId === undefined) return <span class="faint">inline</span>;
  return (
    <a class="mono" href={href(`/jobs/${step.jobId}`)}>
      {step.jobId}
    </a>
  );
}
