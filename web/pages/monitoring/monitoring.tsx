/** The machine over the last day: small charts, one a resource, on one axis of time. */
import { useMemo } from 'preact/hooks';
import { call } from '../../api.ts';
import { useParam } from '../../route.ts';
import { useResource } from '../../state/resource.ts';
import { Segmented } from '../../ui/field.tsx';
import { formatClock } from '../../ui/format.ts';
import { Card, Page } from '../../ui/page.tsx';
import { Plot } from '../../ui/plot.tsx';
import { Empty, Skeleton, View } from '../../ui/views.tsx';
import { chartPanels, momentOf, type ChartPanel } from './charts.ts';
import { MonitoringTabs } from './tabs.tsx';
import type { JSX } from 'preact';

const spans = [
  { value: '60', label: '1 h' },
  { value: '360', label: '6 h' },
  { value: '1440', label: '24 h' },
] as const;
const MINUTE_MS = 60_000;
// A point a minute: nothing is newer. The first one comes seconds after the start.
const EVERY_MS = 60_000;
const FIRST_MS = 2_000;

export function MonitoringPage(): JSX.Element {
  const [minutes, setMinutes] = useParam('minutes');
  const span = spans.find(({ value }) => value === minutes)?.value ?? '60';
  const history = useResource((signal) => call('GET /api/v1/system/metrics', { query: { minutes: Number(span) }, signal }), [span], {
    everyMs: ({ points }) => (points.length === 0 ? FIRST_MS : EVERY_MS),
  });
  return (
    <Page
      title="Monitoring"
      toolbar={
        <>
          <MonitoringTabs current="/monitoring" />
          <span class="grow" />
          <Segmented label="Time" value={span} options={spans} onChange={setMinutes} />
        </>
      }
    >
      <View of={history} what="The history" skeleton={<Skeleton shape="cards" rows={4} label="Loading the history" />}>
        {({ points, stepMs }) => <Charts points={points} stepMs={stepMs} minutes={Number(span)} />}
      </View>
    </Page>
  );
}

function Charts(props: { readonly points: Parameters<typeof chartPanels>[0]; readonly stepMs: number; readonly minutes: number }): JSX.Element {
  const panels = useMemo(() => chartPanels(props.points), [props.points]);
  if (panels.length === 0)
    return <Empty title="Nothing was measured yet">A point a minute is kept for a day. The first one comes seconds after the start.</Empty>;
  const to = Date.parse(props.points.at(-1)?.at ?? '');
  return (
    <div class="charts">
      {panels.map((panel) => (
        <Chart key={panel.title} panel={panel} stepMs={props.stepMs} range={[to - props.minutes * MINUTE_MS, to]} />
      ))}
    </div>
  );
}

function Chart({ panel, stepMs, range }: { readonly panel: ChartPanel; readonly stepMs: number; readonly range: readonly [number, number] }): JSX.Element {
  return (
    <Card title={panel.title} aside={<span class="figures small">{panel.now}</span>}>
      <Plot
        label={`${panel.title} over time, now ${panel.now}`}
        axis="time"
        height={130}
        range={range}
        max={panel.max}
        gap={stepMs * 2.5}
        format={panel.format}
        series={panel.lines}
        describe={(x) => (
          <span class="mono">
            {formatClock(x)} {momentOf(panel, x)}
          </span>
        )}
      />
    </Card>
  );
}
