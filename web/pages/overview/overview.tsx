/** The overview: in one look whether it is well, what runs, what waits and why, what failed, what it costs, how the machine fares. */
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { loadCost, loadMachine, loadWork } from '../../state/overview.ts';
import { useResource } from '../../state/resource.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Page } from '../../ui/page.tsx';
import { Skeleton, View } from '../../ui/views.tsx';
import { HealthCard } from './health.tsx';
import { FirstRun } from './first-run.tsx';
import { GpusCard, LoadCard, QueuesCard, ServicesCard } from './machine.tsx';
import { Tiles } from './tiles.tsx';
import { Verdict } from './verdict.tsx';
import { WorkCards } from './work.tsx';
import type { JSX } from 'preact';

// Lists of a busy machine change all the time; this often is as live as a person reads.
const RELOAD_AFTER_MS = 1_500;
const MACHINE_EVERY_MS = 5_000;
const COST_EVERY_MS = 60_000;

export function OverviewPage(): JSX.Element | null {
  const user = me.value;
  const orgId = user?.orgId ?? '';
  const work = useResource((signal) => loadWork(Date.now(), signal), [orgId], {
    follow: {
      rooms: [`org:${orgId}`],
      reloadAfterMs: RELOAD_AFTER_MS,
      apply: (value, event) => (event.entity_kind === 'instance' || event.entity_kind === 'job' ? 'reload' : value),
    },
  });
  const machine = useResource(loadMachine, [], { everyMs: MACHINE_EVERY_MS });
  const mayCost = user?.role === 'admin' || user?.role === 'super_admin';
  const costs = useResource((signal) => loadCost(Date.now(), signal), [orgId], { everyMs: COST_EVERY_MS, enabled: mayCost });
  const workflows = useResource((signal) => call('GET /api/v1/workflows', { query: { limit: 5 }, signal }), [orgId]);
  if (user === undefined) return null;
  const hasRun =
    work.value === undefined ||
    work.value.running.count + work.value.waiting.count + work.value.failed.count > 0 ||
    workflows.value === undefined ||
    workflows.value.items.some((one) => one.lastInstance !== null);
  return (
    <Page title="Overview" aside={<Verdict />} actions={<ButtonLink href={href('/workflows')}>Run a workflow</ButtonLink>}>
      <div class="overview">
        {!hasRun && <FirstRun workflows={workflows.value?.items ?? []} />}
        <Tiles work={work.value} costs={costs.value} />
        <div class="overview-columns">
          <View of={work} what="Work" skeleton={<Skeleton shape="cards" rows={3} label="Loading work" />}>
            {(value) => <WorkCards work={value} />}
          </View>
          <div class="overview-machine">
            <View of={machine} what="The machine" skeleton={<Skeleton rows={4} label="Loading the machine" />}>
              {(value) => (
                <>
                  <LoadCard load={value.load} />
                  <GpusCard gpus={value.gpus} leases={value.leases} />
                  <QueuesCard queues={value.queues} />
                </>
              )}
            </View>
            <ServicesCard />
            <HealthCard />
          </div>
        </div>
      </div>
    </Page>
  );
}
