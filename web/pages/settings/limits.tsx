/** What Studio may use of this machine, what it made of that at its start, and what is too little. */
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { formatBytes, formatCount, formatNumber } from '../../ui/format.ts';
import { Card, Facts } from '../../ui/page.tsx';
import { Banner, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { SystemInfo } from '../../../src/contract/system.ts';

export function LimitsCard(): JSX.Element {
  const info = useResource((signal) => call('GET /api/v1/system/info', { signal }), []);
  return (
    <Card title="Limits of this machine">
      <View of={info} what="The limits">
        {(value) => <Limits {...value} />}
      </View>
    </Card>
  );
}

function Limits({ limits, sizing, tooLittle }: SystemInfo): JSX.Element {
  const given = (count: number | null): string => (count === null ? 'No limit' : formatNumber(count));
  return (
    <div class="stack">
      {tooLittle.map(({ about, remedy }) => (
        <Banner key={about} tone="warn">
          {about}: that is little. {remedy}
        </Banner>
      ))}
      <Facts
        facts={[
          ['Set by', limits.cgroup === null ? 'The machine itself' : `Control groups, version ${limits.cgroup}`],
          ['Processors', formatNumber(limits.processors)],
          ['Memory', formatBytes(limits.memoryBytes)],
          ['Tasks', given(limits.tasks)],
          ['Open files', given(limits.openFiles)],
          ['To the database', `${formatCount(sizing.engineConnections, 'connection')} for work, ${sizing.apiConnections} for pages`],
          ['PostgreSQL of its own', `${formatCount(sizing.maxConnections, 'connection')}, ${formatBytes(sizing.sharedBuffersBytes)} of memory`],
          ['Redis of its own', `${formatBytes(sizing.redisBytes)} at most`],
          ['Slots for jobs', `${sizing.slots}, unless the queue was set otherwise`],
        ]}
      />
    </div>
  );
}
