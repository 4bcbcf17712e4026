/** What the organisation used of models: tokens by day, and who or what used them. */
import { useMemo } from 'preact/hooks';
import { call } from '../../api.ts';
import { href, useParam } from '../../route.ts';
import { useResource } from '../../state/resource.ts';
import { Segmented } from '../../ui/field.tsx';
import { formatCount, formatNumber } from '../../ui/format.ts';
import { Card, Page } from '../../ui/page.tsx';
import { Plot } from '../../ui/plot.tsx';
import { Table } from '../../ui/table.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { ModelTabs } from './model-tabs.tsx';
import { tokensOf, usageAreas } from './usage-series.ts';
import type { JSX } from 'preact';
import type { UsageRow } from '../../../src/contract/model-usage.ts';
import type { Column } from '../../ui/table.tsx';
import type { UsageArea } from './usage-series.ts';

const DAY_MS = 86_400_000;
const spans = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
] as const;
const groups = [
  { value: 'model', label: 'Models' },
  { value: 'caller', label: 'Callers' },
] as const;
const COLORS = ['var(--running-solid)', 'var(--cached-solid)', 'var(--dead-solid)', 'var(--timed-out-solid)', 'var(--paused-solid)'] as const;
// Written every 5 s; nothing tells of it.
const EVERY_MS = 30_000;

export function ModelUsagePage(): JSX.Element {
  const [days, setDays] = useParam('days');
  const [by, setBy] = useParam('by');
  const span = spans.find(({ value }) => value === days)?.value ?? '30';
  const group = groups.find(({ value }) => value === by)?.value ?? 'model';
  const since = useMemo(() => new Date(Date.now() - Number(span) * DAY_MS).toISOString().slice(0, 10), [span]);
  const usage = useResource(
    async (signal) => {
      const [byDay, rows] = await Promise.all([
        call('GET /api/v1/models/usage', { query: { group: 'day,model', since, limit: 1_000 }, signal }),
        call('GET /api/v1/models/usage', { query: { group, since, limit: 200 }, signal }),
      ]);
      return { areas: usageAreas(byDay.items), rows: rows.items };
    },
    [group, since],
    { everyMs: EVERY_MS },
  );
  return (
    <Page
      title="Model usage"
      toolbar={
        <>
          <ModelTabs current="/model-usage" />
          <span class="grow" />
          <Segmented label="Time" value={span} options={spans} onChange={setDays} />
        </>
      }
    >
      <View of={usage} what="Usage">
        {({ areas, rows }) =>
          rows.length === 0 ? (
            <Empty title="No model was asked in this time">What steps, people and API keys ask models, here and elsewhere, is counted in tokens.</Empty>
          ) : (
            <div class="stack">
              <Card title="Tokens a day" aside={<span class="faint small figures">{formatCount(tokensOf(rows), 'token')}</span>}>
                <Tokens areas={areas} span={span} />
              </Card>
              <Card title="Used by" flush aside={<Segmented label="By" value={group} options={groups} onChange={setBy} />}>
                <Table inline density="normal" label="Usage" columns={columns} rows={rows} rowKey={(row) => row.model ?? row.caller?.id ?? ''} />
              </Card>
            </div>
          )
        }
      </View>
    </Page>
  );
}

function Tokens({ areas, span }: { readonly areas: readonly UsageArea[]; readonly span: string }): JSX.Element {
  return (
    <Plot
      label={`Tokens a day over ${span} days, of ${areas.map((area) => area.name).join(', ')}`}
      axis="time"
      height={180}
      format={formatNumber}
      series={areas.map((area, index) => ({ name: area.name, color: COLORS[index % COLORS.length] ?? COLORS[0], isStacked: true, points: area.points }))}
      describe={(x) => <span class="mono">{momentWords(areas, x)}</span>}
    />
  );
}

function momentWords(areas: readonly UsageArea[], x: number): string {
  const parts = areas.flatMap(({ name, points }) => {
    const tokens = points.find((point) => point.x === x)?.y ?? 0;
    return tokens > 0 ? [`${name} ${formatNumber(tokens)}`] : [];
  });
  return [new Date(x).toISOString().slice(0, 10), ...parts].join(' · ');
}

const figure = (value: number): JSX.Element => <span class="mono figures">{formatNumber(value)}</span>;

const columns: readonly Column<UsageRow>[] = [
  { key: 'who', title: 'Who', render: (row) => <Who row={row} /> },
  { key: 'requests', title: 'Requests', width: '110px', align: 'end', render: (row) => figure(row.requests) },
  { key: 'failed', title: 'Failed', width: '90px', align: 'end', minor: true, render: (row) => figure(row.failed) },
  { key: 'prompt', title: 'Prompt tokens', width: '130px', align: 'end', minor: true, render: (row) => figure(row.promptTokens) },
  { key: 'completion', title: 'Answer tokens', width: '130px', align: 'end', minor: true, render: (row) => figure(row.completionTokens) },
  { key: 'tokens', title: 'Tokens', width: '120px', align: 'end', render: (row) => figure(row.promptTokens + row.completionTokens) },
];

const CALLERS = { key: 'API key', user: 'person', workflow: 'workflow' } as const;

function Who({ row }: { readonly row: UsageRow }): JSX.Element {
  const { caller } = row;
  if (caller === undefined) return <span class="strong truncate">{row.model}</span>;
  const name = caller.name ?? `${caller.id} (deleted)`;
  return (
    <span class="row">
      {caller.kind === 'workflow' && caller.name !== null ? (
        <a class="truncate" href={href(`/workflows/${caller.id}`)}>
          {name}
        </a>
      ) : (
        <span class="strong truncate">{name}</span>
      )}
      <span class="tag">{CALLERS[caller.kind]}</span>
    </span>
  );
}
