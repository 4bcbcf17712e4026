/** Every step of an instance as a table; a map or loop unfolds to its items, an item to its steps. A click opens the step. */
import { ChevronDown, ChevronRight } from 'lucide-preact';
import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import type { StepOutline } from '../../../src/contract/instance-views.ts';
import type { ItemCounts } from '../../../src/contract/instances.ts';
import { href } from '../../route.ts';
import { countsText } from '../../state/body-counts.ts';
import type { BodySteps } from '../../state/body-steps.ts';
import { localTimes } from '../../state/local-times.ts';
import { rowName, stepRows } from '../../state/step-rows.ts';
import type { StepRow } from '../../state/step-rows.ts';
import { now } from '../../ui/clock.ts';
import { cardStatus } from '../../graph/model.ts';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { Duration, RelativeTime } from '../../ui/time.tsx';
import { toastError } from '../../ui/toast.tsx';
import { Empty } from '../../ui/views.tsx';
import { BodyTools } from './body-tools.tsx';
import type { ShownInstance } from './shown-instance.ts';

/** Names stand in line, with something to unfold before them or without. */
const FOLD_PX = 28;
const indent = (depth: number): Record<string, string> => (depth === 0 ? {} : { paddingInlineStart: `${depth * 16}px` });

export function StepsTab(props: ShownInstance): JSX.Element {
  const { page, bodies, containers, counts } = props;
  const rows = useMemo(() => {
    const top = [...page.steps.values()].filter((step) => !step.path.includes('['));
    return stepRows(top, { open: bodies.open, containers, counts });
  }, [page.steps, bodies.open, containers, counts]);
  return (
    <Table
      label="Steps"
      columns={columnsOf(bodies)}
      rows={rows}
      rowKey={keyOf}
      openKey={props.selected}
      onOpen={(row) => row.kind !== 'tools' && props.onSelect(row.path)}
      wide={(row) =>
        row.kind === 'tools' ? (
          <div style={indent(row.depth)}>
            <BodyTools of={row} bodies={bodies} />
          </div>
        ) : undefined
      }
      onSee={bodies.see}
      show={bodies.shown && { key: bodies.shown.path, turn: bodies.shown.turn }}
      empty={<Empty title="No step yet">Steps appear as their turn comes.</Empty>}
    />
  );
}

const keyOf = (row: StepRow): string => (row.kind === 'tools' ? `${row.path} tools` : row.path);

function columnsOf(bodies: BodySteps): readonly Column<StepRow>[] {
  const ofStep = (render: (step: StepOutline) => JSX.Element | number | string) => (row: StepRow) => {
    const step = bodies.stepOf(row);
    return step === undefined || step === null ? '' : render(step);
  };
  return [
    { key: 'status', title: 'Status', width: '132px', render: (row) => <Status step={bodies.stepOf(row)} /> },
    { key: 'path', title: 'Step', render: (row) => <Path row={row} bodies={bodies} /> },
    { key: 'why', title: 'Why', render: (row) => <Why step={bodies.stepOf(row)} counts={row.kind === 'step' ? row.counts : undefined} />, minor: true },
    { key: 'generation', title: 'Gen.', width: '52px', align: 'end', render: ofStep((step) => step.generation), minor: true },
    { key: 'attempt', title: 'Try', width: '48px', align: 'end', render: ofStep((step) => step.attempt), minor: true },
    { key: 'job', title: 'Job', width: '160px', minor: true, render: ofStep(jobOf) },
    { key: 'started', title: 'Started', width: '88px', align: 'end', render: ofStep((step) => <RelativeTime at={step.startedAt} />), minor: true },
    { key: 'took', title: 'Took', width: '84px', align: 'end', render: ofStep((step) => <Duration from={step.startedAt} to={step.endedAt} />) },
  ];
}

function Status(props: { readonly step: StepOutline | null | undefined }): JSX.Element {
  const { step } = props;
  if (step === undefined) return <span class="faint">…</span>;
  return <StatusChip status={step === null ? 'pending' : cardStatus({ status: step.status, step })} />;
}

function Path(props: { readonly row: StepRow; readonly bodies: BodySteps }): JSX.Element | null {
  const { row } = props;
  if (row.kind === 'tools') return null;
  const { path, fold, depth } = row;
  const name = rowName(path, depth);
  if (fold === undefined)
    return (
      <span class="mono" style={depth === 0 ? {} : { paddingInlineStart: `${depth * 16 + FOLD_PX}px` }}>
        {name}
      </span>
    );
  const toggle = (event: Event): void => {
    event.stopPropagation();
    props.bodies.toggle(path).catch((error: unknown) => toastError(`Read ${path}`, error));
  };
  return (
    <span class="row step-fold" style={indent(depth)}>
      <button type="button" class="link-button step-fold-button" aria-expanded={fold === 'open'} aria-label={`Steps of ${path}`} onClick={toggle}>
        {fold === 'open' ? <ChevronDown size={14} aria-hidden="true" /> : <ChevronRight size={14} aria-hidden="true" />}
      </button>
      <span class="mono">{name}</span>
    </span>
  );
}

function Why(props: { readonly step: StepOutline | null | undefined; readonly counts: ItemCounts | undefined }): JSX.Element {
  const { step, counts } = props;
  const items = counts === undefined ? undefined : countsText(counts);
  const words = localTimes(step?.error?.message ?? step?.waitReason?.message ?? items ?? step?.reason ?? '', now.value);
  return <span class={step?.error === undefined ? 'why' : 'why-failed'}>{words}</span>;
}

function jobOf(step: StepOutline): JSX.Element | string {
  // An item holds steps and does nothing itself.
  if (step.path.endsWith(']')) return '';
  if (step.jobId === undefined) return <span class="faint">inline</span>;
  return (
    <a class="mono" href={href(`/jobs/${step.jobId}`)}>
      {step.jobId}
    </a>
  );
}
