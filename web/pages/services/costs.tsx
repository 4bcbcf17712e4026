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
import { Card, Page } from '../../ui/page.tsx';
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
            <CostTiles costs={value} />
            {!isPriced(value) && <PriceForm key={keyOf(value)} costs={value} onSaved={costs.reload} />}
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
            {isPriced(value) && <PriceForm key={keyOf(value)} costs={value} onSaved={costs.reload} />}
            <details class="cost-formula">
              <summary>How a share is counted</summary>
              <p class="small muted service-measure">{value.formula}</p>
            </details>
          </div>
        )}
      </View>
    </Page>
  );
}

function columnsOf(costs: Costs): readonly Column<Costs['items'][number]>[] {
  return [
    { key: 'name', title: 'Name', render: (item) => <span class="strong truncate">{item.name}</span> },
    { key: 'id', title: 'Id', minor: true, render: (item) => <span class="mono faint truncate">{item.key === item.name ? '' : item.key}</span> },
    { key: 'jobs', title: 'Jobs', width: '72px', align: 'end', minor: true, render: (item) => formatNumber(item.jobs) },
    { key: 'gpu', title: 'GPU hours', width: '96px', align: 'end', minor: true, render: (item) => item.gpuHours.toFixed(2) },
    { key: 'slot', title: 'Slot hours', width: '96px', align: 'end', render: (item) => item.slotHours.toFixed(2) },
    {
      key: 'share',
      title: 'Share',
      width: '128px',
      align: 'end',
      minor: true,
      render: (item) => (
        <span class="cost-share">
          <span class="cost-share-bar" style={{ width: `${item.share * 100}%` }} aria-hidden="true" />
          <span class="figures">{formatPercent(item.share)}</span>
        </span>
      ),
    },
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
      render: (item) => <span class="mono strong">{isPriced(costs) ? formatMoney(item.cost, costs.price.currency) : '–'}</span>,
    },
  ];
}

/** What is spent or was: else hours are all there is to say. */
function isPriced(costs: Costs): boolean {
  return costs.price.perHour !== null || costs.total > 0;
}

function keyOf({ price }: Costs): string {
  return `${price.perHour} ${price.source}`;
}

/** What it came to, and which part of it did something: used, held for nobody, held by nobody. */
function CostTiles(props: { readonly costs: Costs }): JSX.Element {
  const { costs } = props;
  const { price, total } = costs;
  const money = (amount: number): string => (isPriced(costs) ? formatMoney(amount, price.currency) : '–');
  const parts = [
    { name: 'Used', amount: costs.attributed - costs.idle, color: 'var(--running-solid)', about: 'jobs, models and services at work' },
    { name: 'Held idle', amount: costs.idle, color: 'var(--retry-solid)', about: 'kept by models and services that nobody asked' },
    { name: 'Held by nobody', amount: costs.unattributed, color: 'var(--line-control)', about: 'the price of being there' },
  ];
  return (
    <Card title="The machine" aside={<span class="small muted">{priceInWords(costs)}</span>}>
      <div class="stack">
        <ul class="cost-figures" aria-label="In figures">
          <li>
            <div class="small muted">In all</div>
            <div class="cost-figure">{money(total)}</div>
            <div class="small faint">{hoursInWords(costs)}</div>
          </li>
          {parts.map((part) => (
            <li key={part.name}>
              <div class="small muted row">
                <span class="tile-mark" style={{ backgroundColor: part.color }} aria-hidden="true" />
                {part.name}
                {total > 0 && <span class="figures faint">{formatPercent(part.amount / total)}</span>}
              </div>
              <div class="cost-figure">{money(part.amount)}</div>
              <div class="small faint">{part.about}</div>
            </li>
          ))}
        </ul>
        {total > 0 && (
          <div class="memory-bar" role="img" aria-label={parts.map((part) => `${part.name} ${formatPercent(part.amount / total)}`).join(', ')}>
            {parts.map((part) => (
              <div key={part.name} style={{ flexGrow: (part.amount / total) * 100, backgroundColor: part.color }} />
            ))}
          </div>
        )}
      </div>
    </Card>
  );
}

function priceInWords({ price }: Costs): string {
  if (price.perHour === null) return 'no price is set';
  return `${formatMoney(price.perHour, price.currency)} an hour, ${price.source === 'pod' ? 'as the pod says' : 'as set here'}`;
}

function hoursInWords(costs: Costs): string {
  const ran = `ran ${formatDuration(costs.hours * HOUR_MS)}`;
  return costs.pricedHours > 0 && costs.pricedHours < costs.hours ? `${ran}, ${formatDuration(costs.pricedHours * HOUR_MS)} at a known price` : ran;
}

function PriceForm(props: { readonly costs: Costs; readonly onSaved: () => void }): JSX.Element | null {
  const { price } = props.costs;
  const perHour = useSignal(price.source === 'set' ? String(price.perHour ?? '') : '');
  const currency = useSignal(price.currency);
  const save = useAction(async (isSet: boolean) => {
    await call('PUT /api/v1/costs/price', { body: { price: isSet ? { perHour: Number(perHour.value), currency: currency.value.toUpperCase() } : null } });
    toast({ text: isSet ? 'The price is set; it counts from now on' : 'The price is what the pod says' });
    props.onSaved();
  });
  if (me.value?.role !== 'super_admin') return null;
  return (
    <CardForm
      title={price.perHour === null ? 'Set a price to see money' : 'Price'}
      action="Set the price"
      busy={save.busy}
      disabled={perHour.value === ''}
      error={save.error}
      fields={[]}
      onSend={() => void save.run(true)}
    >
      <div class="service-form-grid">
        <Field label="An hour" hint="What the machine costs in an hour. It counts from now on.">
          {(links) => <Input {...links} mono value={perHour.value} onInput={(next) => (perHour.value = next)} />}
        </Field>
        <Field label="Currency">{(links) => <Input {...links} mono maxLength={3} value={currency.value} onInput={(next) => (currency.value = next)} />}</Field>
      </div>
      {price.source === 'set' && (
        <div class="row">
          <Button size="small" busy={save.busy} onClick={() => void save.run(false)}>
            Use the pod’s price
          </Button>
        </div>
      )}
    </CardForm>
  );
}
