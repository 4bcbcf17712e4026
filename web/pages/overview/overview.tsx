/** The overview: in one look whether it is well, what runs, what waits and why, what failed, how the machine fares. */
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { me } from '../../session.ts';
import { loadMachine, loadWork } from '../../state/overview.ts';
import { useResource } from '../../state/resource.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Page } from '../../ui/page.tsx';
import { Skeleton, View } from '../../ui/views.tsx';
import { HealthCard } from './health.tsx';
import { FirstRun } from './first-run.tsx';
import { MachineCards } from './machine.tsx';
import { Verdict } from './verdict.tsx';
import { WorkCards } from './work.tsx';
import type { JSX } from 'preact';

// Lists of a busy machine change all the time; this often is as live as a person reads.
const RELOAD_AFTER_MS = 1_500;
const MACHINE_EVERY_MS = 5_000;

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
  const workflows = useResource((signal) => call('GET /api/v1/workflows', { query: { limit: 5 }, signal }), [orgId]);
  if (user === undefined) return null;
  const hasRun =
    work.value === undefined ||
    work.value.running.length + work.value.waiting.length + work.value.failed.length + work.value.completed.length > 0 ||
    workflows.value?.items.some((one) => one.lastInstance !== null) === true;
  return (
    <Page title="Overview" aside={<Verdict />} actions={<ButtonLink href={href('/workflows')}>Run a workflow</ButtonLink>}>
      <div class="overview">
        {!hasRun && <FirstRun workflows={workflows.value?.items ?? []} />}
        <View of={work} what="Work" skeleton={<Skeleton shape="cards" rows={3} label="Loading work" />}>
          {(value) => <WorkCards work={value} />}
        </View>
        <div class="overview-machine">
          <HealthCard />
          <View of={machine} what="The machine" skeleton={<Skeleton rows={4} label="Loading the machine" />}>
            {(value) => <MachineCards machine={value} />}
          </View>
        </div>
      </div>
    </Page>
  );
}
