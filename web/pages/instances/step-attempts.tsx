/** Every attempt of a step, what happened in order, and what differs between two of them. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Step } from '../../../src/contract/instances.ts';
import { call } from '../../api.ts';
import type { ItemOf } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { Select } from '../../ui/field.tsx';
import { JsonDiff } from '../../ui/json-diff.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { Duration } from '../../ui/time.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { StepHistory } from './step-history.tsx';

type Attempt = ItemOf<'GET /api/v1/instances/{id}/steps/{path}/attempts'>;

interface Tries {
  /** Newest first. */
  readonly attempts: readonly Attempt[];
  /** Every generation, oldest first: only a generation has an input of its own. */
  readonly generations: readonly Step[];
}

const columns: readonly Column<Attempt>[] = [
  { key: 'n', title: 'Try', width: '56px', render: (row) => <span class="mono">{nameOf(row)}</span> },
  { key: 'status', title: 'Status', width: '116px', render: (row) => <StatusChip status={row.status} /> },
  {
    key: 'why',
    title: 'Why',
    render: (row) => (
      <span class="why-failed" data-tip={row.error?.message}>
        {row.error?.message ?? ''}
      </span>
    ),
  },
  { key: 'took', title: 'Took', width: '72px', align: 'end', render: (row) => <Duration from={row.startedAt} to={row.endedAt} /> },
];

/** Generation and attempt where there are several generations. */
function nameOf(row: Pick<Attempt, 'generation' | 'attempt'>): string {
  return row.generation > 1 ? `${row.generation}.${row.attempt}` : String(row.attempt);
}

export function StepAttempts(props: { readonly instanceId: string; readonly step: Step }): JSX.Element {
  const { instanceId, step } = props;
  const loaded = useResource<Tries>(
    async (signal) => {
      const [attempts, generations] = await Promise.all([
        call('GET /api/v1/instances/{id}/steps/{path}/attempts', { params: { id: instanceId, path: step.path }, query: { limit: 200 }, signal }),
        call('GET /api/v1/instances/{id}/steps', { params: { id: instanceId }, query: { path: step.path, limit: 200 }, signal }),
      ]);
      return { attempts: attempts.items, generations: generations.items };
    },
    [instanceId, step.path, step.generation, step.attempt, step.status],
  );
  return (
    <View of={loaded} what="attempts">
      {(tries) => (
        <div class="pane-body">
          <Table
            label="Attempts"
            inline
            keys={false}
            columns={columns}
            rows={tries.attempts}
            rowKey={(row) => `${row.generation}.${row.attempt}`}
            empty={<Empty title="No attempt yet">It has not had its turn.</Empty>}
          />
          <StepHistory generations={tries.generations} attempts={tries.attempts} />
          {tries.attempts.length > 1 && <Compare tries={tries} />}
        </div>
      )}
    </View>
  );
}

function Compare(props: { readonly tries: Tries }): JSX.Element {
  const { attempts, generations } = props.tries;
  const keyOf = (row: Attempt): string => `${row.generation}.${row.attempt}`;
  const [before, setBefore] = useState(() => keyOf(attempts[1] ?? attempts[0] ?? ({ generation: 1, attempt: 1 } as Attempt)));
  const [after, setAfter] = useState(() => keyOf(attempts[0] ?? ({ generation: 1, attempt: 1 } as Attempt)));
  const options = attempts.map((row) => ({ value: keyOf(row), label: `Try ${nameOf(row)}` }));
  const of = (key: string): { readonly row: Attempt | undefined; readonly input: unknown } => {
    const row = attempts.find((each) => keyOf(each) === key);
    return { row, input: generations.find((each) => each.generation === row?.generation)?.input ?? null };
  };
  const was = of(before);
  const is = of(after);
  return (
    <section class="pane-section" aria-label="Compare attempts">
      <h3>What differs</h3>
      <div class="row">
        <Select label="Before" value={before} options={options} onChange={setBefore} />
        <span aria-hidden="true">→</span>
        <Select label="After" value={after} options={options} onChange={setAfter} />
      </div>
      <h4 class="diff-title">Output</h4>
      <JsonDiff label="Differences of the output" before={was.row?.output} after={is.row?.output} />
      {(was.row?.error !== undefined || is.row?.error !== undefined) && (
        <>
          <h4 class="diff-title">Error</h4>
          <JsonDiff label="Differences of the error" before={was.row?.error ?? null} after={is.row?.error ?? null} />
        </>
      )}
      {was.row?.generation !== is.row?.generation && (
        <>
          <h4 class="diff-title">Input</h4>
          <JsonDiff label="Differences of the input" before={was.input} after={is.input} />
        </>
      )}
    </section>
  );
}
