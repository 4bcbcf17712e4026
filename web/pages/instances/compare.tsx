/** Two instances side by side: input, result, and every step with how it went and how long it took in both. */
import { ArrowLeftRight, ChevronDown, ChevronRight, X } from 'lucide-preact';
import { useMemo } from 'preact/hooks';
import type { JSX } from 'preact';
import type { ReplyOf } from '../../../src/contract/index.ts';
import type { Instance, Step } from '../../../src/contract/instances.ts';
import { call } from '../../api.ts';
import type { ItemOf } from '../../api.ts';
import { go, href, setParams, useParam } from '../../route.ts';
import { containersOf } from '../../state/body-counts.ts';
import { comparedRows, compareSteps, deltaText, tookMs } from '../../state/compare.ts';
import type { ComparedRow } from '../../state/compare.ts';
import { useComparedBodies } from '../../state/compared-bodies.ts';
import type { ComparedBodies } from '../../state/compared-bodies.ts';
import { useResource } from '../../state/resource.ts';
import { rowName } from '../../state/step-rows.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { formatDuration } from '../../ui/format.ts';
import { JsonDiff } from '../../ui/json-diff.tsx';
import { useKeys } from '../../ui/keys.ts';
import { isNarrow } from '../../ui/narrow.ts';
import { Page, Split } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import type { Column } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';

const took = (ms: number | undefined): string => (ms === undefined ? '–' : formatDuration(ms));

const figure = (text: string): JSX.Element => <span class="mono">{text}</span>;

function columnsOf(bodies: ComparedBodies): readonly Column<ComparedRow>[] {
  const status = (row: ComparedRow, side: 'a' | 'b'): JSX.Element | null => {
    if (row.kind === 'note') return null;
    const step = row.of[side];
    return step === undefined ? <span class="faint">not there</span> : <StatusChip status={step.status} />;
  };
  const time = (row: ComparedRow, side: 'aMs' | 'bMs'): JSX.Element | null => (row.kind === 'note' ? null : figure(took(row.of[side])));
  return [
    { key: 'path', title: 'Step', render: (row) => <Path row={row} bodies={bodies} /> },
    { key: 'a', title: 'First', width: '128px', render: (row) => status(row, 'a') },
    { key: 'b', title: 'Second', width: '128px', render: (row) => status(row, 'b') },
    { key: 'aMs', title: 'First took', width: '88px', align: 'end', minor: true, render: (row) => time(row, 'aMs') },
    { key: 'bMs', title: 'Second took', width: '92px', align: 'end', minor: true, render: (row) => time(row, 'bMs') },
    {
      key: 'delta',
      title: 'Longer',
      width: '88px',
      align: 'end',
      render: (row) => (row.kind === 'note' ? null : figure(deltaText(row.of.aMs, row.of.bMs, formatDuration))),
    },
  ];
}

function Path(props: { readonly row: ComparedRow; readonly bodies: ComparedBodies }): JSX.Element {
  const { row, bodies } = props;
  const indent = { paddingInlineStart: `${row.depth * 14}px` };
  if (row.kind === 'note')
    return (
      <span class="muted" style={indent}>
        there are more; {row.count} were compared
      </span>
    );
  const name = rowName(row.path, row.depth);
  const look = row.of.differs ? 'mono strong' : 'mono';
  // Below a fold names stand in line with the name, not with the arrow.
  if (row.fold === undefined)
    return (
      <span class={look} style={{ paddingInlineStart: `${row.depth === 0 ? 0 : row.depth * 14 + 27}px` }}>
        {name}
      </span>
    );
  return (
    <span class="row step-fold" style={indent}>
      <button
        type="button"
        class="link-button step-fold-button"
        aria-expanded={row.fold === 'open'}
        aria-label={`Steps of ${row.path}`}
        onClick={() => void bodies.toggle(row.path).catch((error: unknown) => toastError(`Read ${row.path}`, error))}
      >
        {row.fold === 'open' ? <ChevronDown size={14} /> : <ChevronRight size={14} />}
      </button>
      <span class={look}>{name}</span>
    </span>
  );
}

/** In place of a step's path, where the comparison of the whole is opened by hand. */
const WHOLE = '*';

export function ComparePage(props: { readonly params: Readonly<Record<string, string>> }): JSX.Element {
  const a = props.params['id'] ?? '';
  const b = props.params['other'] ?? '';
  return <Compared key={`${a} ${b}`} a={a} b={b} />;
}

function Compared({ a, b }: { readonly a: string; readonly b: string }): JSX.Element {
  const both = useResource(
    async (signal) => {
      const read = (id: string) => call('GET /api/v1/instances/{id}/view', { params: { id }, signal });
      const [first, second] = await Promise.all([read(a), read(b)]);
      return { first, second };
    },
    [a, b],
  );
  const [path] = useParam('step');
  const bodies = useComparedBodies(a, b);
  const rows = useMemo(() => rowsOf(both.value, bodies), [both.value, bodies.open]);
  useKeys({ escape: () => setParams({ step: '' }) });
  const swap = (): void => go(`/instances/${b}/compare/${a}`, { replace: true });
  return (
    <Page
      title="Compare"
      layout="fill"
      trail={[
        { label: 'Instances', href: href('/instances') },
        { label: both.value?.first.instance.workflowName ?? a, href: href(`/instances/${a}`) },
      ]}
      actions={
        <Button icon={<ArrowLeftRight size={14} />} onClick={swap}>
          Swap
        </Button>
      }
    >
      <View of={both} what="the two instances">
        {({ first, second }) => (
          <Split
            label={path === '' ? 'What differs' : `What differs in ${path}`}
            detail={
              path === '' && isNarrow.value ? undefined : path === '' || path === WHOLE ? (
                <Whole first={first.instance} second={second.instance} onClose={path === WHOLE ? () => setParams({ step: '' }) : undefined} />
              ) : (
                <StepDiff key={`${a} ${b} ${path}`} a={a} b={b} path={path} onClose={() => setParams({ step: '' })} />
              )
            }
          >
            <div class="compare-heads">
              <Head title="First" instance={first.instance} />
              <Head title="Second" instance={second.instance} />
            </div>
            {isNarrow.value && (
              <Button kind="quiet" onClick={() => setParams({ step: WHOLE })}>
                Input and output, compared
              </Button>
            )}
            <Table
              label="Steps of both"
              columns={columnsOf(bodies)}
              rows={rows}
              rowKey={(row) => row.path}
              openKey={path === '' ? undefined : path}
              onOpen={(row) => row.kind === 'step' && setParams({ step: row.path === path ? '' : row.path })}
              empty={<Empty title="Neither has begun">There is nothing to compare yet.</Empty>}
            />
          </Split>
        )}
      </View>
    </Page>
  );
}

type Seen = ReplyOf<'GET /api/v1/instances/{id}/view'>;

function rowsOf(both: { readonly first: Seen; readonly second: Seen } | undefined, bodies: ComparedBodies): readonly ComparedRow[] {
  if (both === undefined) return [];
  const { first, second } = both;
  const containers = containersOf(first.definition).union(containersOf(second.definition));
  return comparedRows(compareSteps(first.steps, second.steps), { open: bodies.open, containers });
}

function Head(props: { readonly title: string; readonly instance: Instance }): JSX.Element {
  const { instance } = props;
  return (
    <section class="compare-head" aria-label={props.title}>
      <span class="faint small">{props.title}</span>
      <a class="mono truncate" href={href(`/instances/${instance.id}`)}>
        {instance.id}
      </a>
      <StatusChip status={instance.status} />
      <span class="small muted">
        version {instance.version} · <RelativeTime at={instance.createdAt} /> · {took(tookMs(instance))}
      </span>
    </section>
  );
}

function Whole(props: { readonly first: Instance; readonly second: Instance; readonly onClose: (() => void) | undefined }): JSX.Element {
  const { first, second, onClose } = props;
  return (
    <div class="pane">
      {onClose !== undefined && (
        <div class="pane-head">
          <h2>Input and output</h2>
          <IconButton label="Close" hint="escape" icon={<X size={16} />} onClick={onClose} />
        </div>
      )}
      <div class="pane-body">
        <Section title="Input" before={first.input} after={second.input} />
        <Section title="Output" before={first.output} after={second.output} />
        {(first.error !== undefined || second.error !== undefined) && <Section title="Error" before={first.error ?? null} after={second.error ?? null} />}
        <Section title="Labels" before={first.labels} after={second.labels} />
      </div>
    </div>
  );
}

function Section(props: { readonly title: string; readonly before: unknown; readonly after: unknown }): JSX.Element {
  return (
    <section class="pane-section" aria-label={props.title}>
      <h3>{props.title}</h3>
      <JsonDiff label={`Differences: ${props.title}`} before={props.before} after={props.after} />
    </section>
  );
}

type ReadStep = ItemOf<'GET /api/v1/instances/{id}/steps'>;

function StepDiff(props: { readonly a: string; readonly b: string; readonly path: string; readonly onClose: () => void }): JSX.Element {
  const { a, b, path } = props;
  const both = useResource(
    async (signal) => {
      const read = async (id: string): Promise<Step | undefined> =>
        (await call('GET /api/v1/instances/{id}/steps', { params: { id }, query: { path, limit: 200 }, signal })).items.at(-1);
      const [first, second] = await Promise.all([read(a), read(b)]);
      return { first, second };
    },
    [a, b, path],
  );
  return (
    <div class="pane">
      <div class="pane-head">
        <h2 class="truncate mono">{path}</h2>
        <IconButton label="Close the step" hint="escape" icon={<X size={16} />} onClick={props.onClose} />
      </div>
      <View of={both} what="the step">
        {({ first, second }) => (
          <div class="pane-body">
            <Section title="Input" before={valueOf(first, 'input')} after={valueOf(second, 'input')} />
            <Section title="Output" before={valueOf(first, 'output')} after={valueOf(second, 'output')} />
            {(first?.error !== undefined || second?.error !== undefined) && (
              <Section title="Error" before={first?.error ?? null} after={second?.error ?? null} />
            )}
          </div>
        )}
      </View>
    </div>
  );
}

function valueOf(step: ReadStep | undefined, name: 'input' | 'output'): unknown {
  return step === undefined ? null : step[name];
}
