/** What this Studio is and stands on: version, address, volume, database, Redis. */
import { baseUrl, call } from '../../api.ts';
import { href } from '../../route.ts';
import { health } from '../../state/health.ts';
import { useResource } from '../../state/resource.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { formatBytes, formatDuration, formatMs, formatNumber, formatPercent } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Banner, Skeleton, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { ReplyOf } from '../../../src/contract/index.ts';

type Storage = NonNullable<ReplyOf<'GET /api/v1/infrastructure/health/storage'>['storage']>;
type Fact = Parameters<typeof Facts>[0]['facts'][number];

// Sizes of folders and of the database change slowly and cost a look at the disk.
const EVERY_MS = 60_000;

export function AboutCards(): JSX.Element {
  const storage = useResource((signal) => call('GET /api/v1/infrastructure/health/storage', { signal }), [], { everyMs: EVERY_MS });
  const database = useResource((signal) => call('GET /api/v1/infrastructure/health/database', { signal }), [], { everyMs: EVERY_MS });
  const redis = useResource((signal) => call('GET /api/v1/infrastructure/health/redis', { signal }), [], { everyMs: EVERY_MS });
  return (
    <>
      <StudioCard />
      <Card title="Storage" aside={<a href={href('/settings/storage')}>What takes the space</a>}>
        <View of={storage} what="Storage">
          {(value) => <StorageFacts {...value} />}
        </View>
      </Card>
      <div class="settings-pair">
        <Card title="Database" aside={<ProbeChip of={database.value} bad="failed" />}>
          <View of={database} what="The database">
            {(value) => <DatabaseFacts value={value} />}
          </View>
        </Card>
        <Card title="Redis" aside={<ProbeChip of={redis.value} bad="degraded" />}>
          <View of={redis} what="Redis">
            {(value) => <RedisFacts value={value} />}
          </View>
        </Card>
      </div>
    </>
  );
}

function StudioCard(): JSX.Element {
  const base = baseUrl();
  const value = health.value;
  return (
    <Card
      title="Studio"
      aside={
        <ButtonLink size="small" href={new URL('api/docs', base).href} newTab>
          API reference
        </ButtonLink>
      }
    >
      {value === undefined ? (
        <Skeleton rows={3} label="Loading health" />
      ) : (
        <Facts
          facts={[
            ['State', <StatusChip key="state" bare status={value.status} />],
            ['Why', value.reasons.join('; ')],
            [
              'Version',
              <span key="version" class="mono">
                {value.version}
              </span>,
            ],
            ['Started', <RelativeTime key="started" at={value.startedAt} />],
            [
              'API',
              <span key="api" class="mono">
                {new URL('api/v1', base).href}
              </span>,
            ],
          ]}
        />
      )}
    </Card>
  );
}

const PLANS: Readonly<Record<Storage['plan'], string>> = {
  direct: 'Database and files live on it',
  shadow: 'Files live on it; the database on this machine, with its shadow on it',
  ephemeral: 'Not durable: see above',
};

/** What a loss of this machine would cost, and how long it would take to come back. */
function shadowFacts(shadow: Storage['shadow']): readonly Fact[] {
  if (shadow === null) return [];
  const behind =
    shadow.lagBytes === null
      ? 'not known'
      : shadow.lagMs === 0
        ? 'nothing right now'
        : `${formatBytes(shadow.lagBytes)}, since ${formatDuration(shadow.lagMs)}`;
  return [
    ['Lost with this machine', shadow.mode === 'sync' ? 'Nothing: commits wait until they are on the volume' : `What is not on the volume yet: ${behind}`],
    ['Shadow', `${formatBytes(shadow.bytes)}: ${shadow.bases} base backup${shadow.bases === 1 ? '' : 's'} and the log since`],
    ['Newest base backup', shadow.lastBaseAt === null ? 'None yet' : <RelativeTime key="base" at={shadow.lastBaseAt} />],
    ['A restore replays', `${formatBytes(shadow.walBytes)} of log`],
    ['Wrong with it', shadow.faults.join('; ')],
  ];
}

function StorageFacts({ storage }: ReplyOf<'GET /api/v1/infrastructure/health/storage'>): JSX.Element {
  if (storage === null) return <p class="faint">The volume was not looked at yet.</p>;
  return (
    <div class="stack">
      {storage.banner !== null && <Banner tone="bad">{storage.banner}</Banner>}
      <Facts
        facts={[
          [
            'Workspace',
            <span key="path" class="mono">
              {storage.path}
            </span>,
          ],
          ['Volume', `${storage.mountType} at ${storage.mountPoint}`],
          ['Plan', PLANS[storage.plan]],
          ...shadowFacts(storage.shadow),
          ['Notes', storage.reasons.join('; ')],
          ['Free', `${formatBytes(storage.freeBytes)} of ${formatBytes(storage.totalBytes)}`],
          ['One fsync', storage.fsyncMs === null ? '' : formatMs(storage.fsyncMs)],
        ]}
      />
      <Meter label="Storage used" used={storage.totalBytes - storage.freeBytes} total={storage.totalBytes} />
    </div>
  );
}

function ProbeChip(props: { readonly of: { readonly ok: boolean; readonly ms: number } | undefined; readonly bad: 'failed' | 'degraded' }): JSX.Element | null {
  if (props.of === undefined) return null;
  return <StatusChip bare status={props.of.ok ? 'ok' : props.bad} word={props.of.ok ? formatMs(props.of.ms) : 'Does not answer'} />;
}

function DatabaseFacts({ value }: { readonly value: ReplyOf<'GET /api/v1/infrastructure/health/database'> }): JSX.Element {
  const { facts } = value;
  return (
    <Facts
      facts={[
        ['Why', value.reason],
        ['Version', facts?.version],
        ['Running for', facts === null ? '' : formatDuration(facts.uptimeMs)],
        ['Connections', facts === null ? '' : `${facts.connections} of ${facts.maxConnections}`],
        ['Size', facts === null ? '' : formatBytes(facts.sizeBytes)],
        ['Cache hits', facts === null || facts.cacheHit === null ? '' : formatPercent(facts.cacheHit)],
        ['Checksums', facts === null ? '' : facts.checksums ? `On, ${facts.checksumFailures} failures` : 'Off'],
        [
          'Slow queries',
          value.slowQueries.length === 0 ? 'None now' : value.slowQueries.map((query) => `${formatDuration(query.ms)} (${query.state})`).join(', '),
        ],
      ]}
    />
  );
}

function RedisFacts({ value }: { readonly value: ReplyOf<'GET /api/v1/infrastructure/health/redis'> }): JSX.Element {
  return (
    <Facts
      facts={[
        ['Why', value.reason],
        ['Version', value.version],
        [
          'Memory',
          value.usedMemoryBytes === null
            ? ''
            : `${formatBytes(value.usedMemoryBytes)}${value.maxMemoryBytes === null || value.maxMemoryBytes === 0 ? '' : ` of ${formatBytes(value.maxMemoryBytes)}`}`,
        ],
        ['Evicted keys', value.evictedKeys === null ? '' : formatNumber(value.evictedKeys)],
        ['Clients', value.clients === null ? '' : formatNumber(value.clients)],
      ]}
    />
  );
}
