/** What past runs take on disk: by period, when each goes, what holds one back; and sweeping now. */
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { DiskSection } from './disk.tsx';
import { OrgsStorageCard, OwnStorageCard } from './org-storage.tsx';
import { formatBytes, formatCount, formatMs, formatNumber } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { Bytes, RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, ErrorView, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { ReplyOf } from '../../../src/contract/index.ts';
import type { Column } from '../../ui/table.tsx';

type RunData = ReplyOf<'GET /api/v1/run-data'>;
type Period = RunData['periods'][number];
type Sweep = NonNullable<RunData['lastSweep']>;

// Nothing tells of it; it grows slowly.
const EVERY_MS = 30_000;

/** The machine's for super administrators; others see what their organisation takes. */
export function StorageSection(props: { readonly user: User }): JSX.Element {
  return props.user.role === 'super_admin' ? <MachineStorage /> : <OwnStorageCard />;
}

function MachineStorage(): JSX.Element {
  const runData = useResource((signal) => call('GET /api/v1/run-data', { signal }), [], { everyMs: EVERY_MS });
  return (
    <>
      <DiskSection />
      <OrgsStorageCard />
      <View of={runData} what="Storage of runs">
        {(value) => (
          <>
            {value.fault !== null && <Banner tone="warn">{value.fault}</Banner>}
            <Summary value={value} onSwept={runData.reload} />
            <Card title="Periods" flush>
              <Table inline density="normal" label="Periods" columns={columns} rows={value.periods} rowKey={(period) => period.name} />
            </Card>
            {value.lastSweep !== null && <LastSweep sweep={value.lastSweep} />}
          </>
        )}
      </View>
    </>
  );
}

function Summary({ value, onSwept }: { readonly value: RunData; readonly onSwept: () => void }): JSX.Element {
  const sweep = useAction(async () => {
    const report = await call('POST /api/v1/run-data/sweep', {});
    toast({ text: report.dropped.length + report.deletedInstances === 0 ? 'Nothing was due' : `Gave back ${sweptWords(report)}` });
    onSwept();
  });
  return (
    <Card
      title="Data of past runs"
      aside={
        <Button size="small" busy={sweep.busy} onClick={() => void sweep.run()}>
          Sweep now
        </Button>
      }
    >
      <div class="stack">
        {sweep.error !== undefined && <ErrorView compact title="It was not swept" error={sweep.error} />}
        {value.budgetBytes !== null && <Meter label="Of the budget used" used={value.bytes} total={value.budgetBytes} />}
        <Facts
          facts={[
            ['On disk', <Bytes key="bytes" bytes={value.bytes} />],
            [
              'Budget',
              value.budgetBytes === null
                ? 'none'
                : `${formatBytes(value.budgetBytes)}, beyond it ${value.overBudget === 'drop' ? 'the oldest period is dropped' : 'you are told'}`,
            ],
            ['Kept', value.retentionDays === 0 ? 'for ever' : formatCount(value.retentionDays, 'day')],
            ['Period', formatCount(value.periodDays, 'day')],
          ]}
        />
      </div>
    </Card>
  );
}

const columns: readonly Column<Period>[] = [
  { key: 'name', title: 'Period', render: (period) => <span class="mono">{periodName(period)}</span> },
  {
    key: 'instances',
    title: 'Runs',
    width: '120px',
    align: 'end',
    render: (period) => (
      <span class="mono figures">
        {period.isEstimate ? '≈ ' : ''}
        {formatNumber(period.instances)}
      </span>
    ),
  },
  {
    key: 'live',
    title: 'Live',
    width: '120px',
    align: 'end',
    minor: true,
    render: (period) =>
      period.oldestLive === null ? (
        <span class="mono figures">{formatNumber(period.live)}</span>
      ) : (
        <a class="mono figures" href={href(`/instances/${period.oldestLive}`)} data-tip="Opens the oldest">
          {formatNumber(period.live)}
        </a>
      ),
  },
  { key: 'bytes', title: 'Size', width: '104px', align: 'end', minor: true, render: (period) => <Bytes bytes={period.bytes} /> },
  { key: 'due', title: 'Goes', width: '104px', align: 'end', render: (period) => <RelativeTime at={period.dueAt} /> },
];

function periodName({ name, from, to }: Period): string {
  return from === null || to === null ? `all ${name}` : `${from.slice(0, 10)} to ${to.slice(0, 10)}`;
}

function LastSweep({ sweep }: { readonly sweep: Sweep }): JSX.Element {
  return (
    <Card title="Last sweep" aside={<RelativeTime at={sweep.startedAt} />}>
      <Facts
        facts={[
          ['Gave back', sweptWords(sweep)],
          ['Took', formatMs(sweep.ms)],
          ['Postponed', sweep.postponed.length === 0 ? undefined : `${sweep.postponed.join(', ')}: the tables were busy`],
          ...sweep.held.map((period) => [`${period.name} is held`, <HeldBy key={period.name} period={period} />] as const),
        ]}
      />
    </Card>
  );
}

function HeldBy({ period }: { readonly period: Sweep['held'][number] }): JSX.Element {
  return (
    <span class="stack stack-tight">
      {period.heldBy.map((one) => (
        <a key={one.id} class="mono" href={href(`/instances/${one.id}`)}>
          {one.id} ({one.status})
        </a>
      ))}
    </span>
  );
}

function sweptWords(sweep: Sweep): string {
  const parts = [
    sweep.dropped.length === 0 ? '' : `${formatCount(sweep.dropped.length, 'period')} (${formatBytes(sweep.dropped.reduce((sum, one) => sum + one.bytes, 0))})`,
    sweep.deletedInstances === 0 ? '' : formatCount(sweep.deletedInstances, 'run'),
    sweep.deletedResults === 0 ? '' : formatCount(sweep.deletedResults, 'cached result'),
    sweep.deletedWorkflows === 0 ? '' : formatCount(sweep.deletedWorkflows, 'archived workflow'),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'nothing: nothing was due' : parts.join(', ');
}
