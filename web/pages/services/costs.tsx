/** What the machine costs, and whose work it was spent on. */
import { useSignal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { call } from '../../api.ts';
import { useParam } from '../../route.ts';
import { me } from '../../session.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input, Segmented } from '../../ui/field.tsx';
import { formatDuration, formatMoney, formatNumber, formatPercent } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { Card, Facts, Page } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { toast } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { CardForm } from '../settings/card-form.tsx';
import { MachineTabs } from './machine-tabs.tsx';
import type { JSX } from 'preact';
import type { Costs } from '../../../src/contract/costs.ts';
import type { Column } from '../../ui/table.tsx';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const windows = [
  { value: '1', label: '24 h' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
] as const;
const groups = [
  { value: 'workflow', label: 'Workflows' },
  { value: 'job', label: 'Jobs' },
  { value: 'org', label: 'Organisations' },
  { value: 'kind', label: 'Kinds' },
] as const;

export function CostsPage(): JSX.Element {
  const [days, setDays] = useParam('days');
  const [groupBy, setGroupBy] = useParam('by');
  const group = groups.find(({ value }) => value === groupBy)?.value ?? 'workflow';
  const span = windows.find(({ value }) => value === days)?.value ?? '30';
  const since = useMemo(() => new Date(Date.now() - Number(span) * DAY_MS).toISOString(), [span]);
  const costs = useResource((signal) => call('GET /api/v1/costs', { query: { groupBy: group, since }, signal }), [group, since], { everyMs: 60_000 });
  return (
    <Page
      title="Costs"
      toolbar={
        <>
          <MachineTabs current="/costs" />
          <span class="grow" />
          <Segmented label="Time" value={span} options={windows} onChange={setDays} />
          <Segmented label="By" value={group} options={groups} onChange={setGroupBy} />
        </>
      }
    >
      <View of={costs} what="Costs">
        {(value) => (
          <div class="stack">
            <CostSummary costs={value} />
            <Card title={groups.find((one) => one.value === group)?.label ?? ''} flush>
              <Table
                inline
                density="normal"
                label="Costs"
                columns={columnsOf(value)}
                rows={value.items}
                rowKey={(item) => item.key ?? 'others'}
                empty={
                  <Empty title="Nothing ran in this time">
                    What jobs, models and services held of the machine, for how long, and what that cost will stand here.
                  </Empty>
                }
              />
            </Card>
            {me.value?.role === 'super_admin' && <PriceForm key={`${value.price.perHour} ${value.price.source}`} costs={value} onSaved={costs.reload} />}
            <p class="small muted service-measure">{value.formula}</p>
          </div>
        )}
      </View>
    </Page>
  );
}

function columnsOf(costs: Costs): readonly Column<Costs['items'][number]>[] {
  return [
    { key: 'name', title: 'Name', render: (item) => <span class="truncate">{item.name}</span> },
    { key: 'id', title: 'Id', minor: true, render: (item) => <span class="mono faint truncate">{item.key ?? ''}</span> },
    { key: 'jobs', title: 'Jobs', width: '72px', align: 'end', minor: true, render: (item) => formatNumber(item.jobs) },
    { key: 'gpu', title: 'GPU hours', width: '96px', align: 'end', minor: true, render: (item) => item.gpuHours.toFixed(2) },
    { key: 'slot', title: 'Slot hours', width: '96px', align: 'end', render: (item) => item.slotHours.toFixed(2) },
    { key: 'share', title: 'Share', width: '72px', align: 'end', minor: true, render: (item) => formatPercent(item.share) },
    {
      key: 'idle',
      title: 'Idle',
      width: '96px',
      align: 'end',
      minor: true,
      render: (item) => (item.idleCost === 0 ? '' : formatMoney(item.idleCost, costs.price.currency)),
    },
    {
      key: 'cost',
      title: 'Cost',
      width: '112px',
      align: 'end',
      render: (item) => <span class="mono strong">{formatMoney(item.cost, costs.price.currency)}</span>,
    },
  ];
}

function CostSummary(props: { readonly costs: Costs }): JSX.Element {
  const { costs } = props;
  const { price } = costs;
  const share = costs.total === 0 ? 0 : costs.attributed / costs.total;
  return (
    <Card title="The machine">
      <div class="stack">
        <div class="queue-figures">
          <Figure value={formatMoney(costs.total, price.currency)} word="in all" />
          <Figure value={formatMoney(costs.attributed, price.currency)} word="for what was held" />
          <Figure value={formatMoney(costs.idle, price.currency)} word="of it held idle" />
          <Figure value={formatMoney(costs.unattributed, price.currency)} word="for being there" />
        </div>
        <Meter label="Share that was held" used={costs.attributed} total={Math.max(costs.total, 1e-9)} warnAt={2} badAt={2} />
        <Facts
          facts={[
            ['Used', costs.total === 0 ? undefined : formatPercent(share)],
            [
              'Ran',
              `${formatDuration(costs.hours * HOUR_MS)}${costs.pricedHours < costs.hours ? `, ${formatDuration(costs.pricedHours * HOUR_MS)} of it at a known price` : ''}`,
            ],
            [
              'Price',
              price.perHour === null
                ? 'unknown: set one below'
                : `${formatMoney(price.perHour, price.currency)} an hour, ${price.source === 'pod' ? 'as the pod says' : 'as set here'}`,
            ],
          ]}
        />
      </div>
    </Card>
  );
}

function Figure(props: { readonly value: string; readonly word: string }): JSX.Element {
  return (
    <div>
      <div class="queue-figure">{props.value}</div>
      <div class="small muted">{props.word}</div>
    </div>
  );
}

function PriceForm(props: { readonly costs: Costs; readonly onSaved: () => void }): JSX.Element {
  const { price } = props.costs;
  const perHour = useSignal(price.source === 'set' ? String(price.perHour ?? '') : '');
  const currency = useSignal(price.currency);
  const save = useAction(async (isSet: boolean) => {
    await call('PUT /api/v1/costs/price', { body: { price: isSet ? { perHour: Number(perHour.value), currency: currency.value.toUpperCase() } : null } });
    toast({ text: isSet ? 'The price is set; it counts from now on' : 'The price is what the pod says' });
    props.onSaved();
  });
  return (
    <CardForm
      title="Price"
      action="Set the price"
      busy={save.busy}
      disabled={perHour.value === ''}
      error={save.error}
      fields={[]}
      onSend={() => void save.run(true)}
    >
      <div class="service-form-grid">
        <Field label="An hour" hint="Counts from now on.">
          {(links) => <Input {...links} mono value={perHour.value} onInput={(next) => (perHour.value = next)} />}
        </Field>
        <Field label="Currency">{(links) => <Input {...links} mono maxLength={3} value={currency.value} onInput={(next) => (currency.value = next)} />}</Field>
      </div>
      {price.source === 'set' && (
        <Button size="small" busy={save.busy} onClick={() => void save.run(false)}>
          Use the pod’s price
        </Button>
      )}
    </CardForm>
  );
}
