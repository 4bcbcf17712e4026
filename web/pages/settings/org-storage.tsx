/** What each organisation takes of the disk, by class; to an administrator their own. */
import { call } from '../../api.ts';
import { useResource } from '../../state/resource.ts';
import { formatNumber } from '../../ui/format.ts';
import { Card, Facts } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { Bytes, RelativeTime } from '../../ui/time.tsx';
import { View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { OrgStorage, OrgStorageList } from '../../../src/contract/disk.ts';
import type { Column } from '../../ui/table.tsx';

// It is measured once a minute at most.
const EVERY_MS = 60_000;
const ESTIMATED =
  'Of the database an estimate: its rows, by what they weigh in their tables. Content that files and artifacts have in common counts once in the total.';

/** Of all, for super administrators. */
export function OrgsStorageCard(): JSX.Element {
  const list = useResource((signal) => call('GET /api/v1/system/disk/orgs', { signal }), [], { everyMs: EVERY_MS });
  return (
    <Card title="By organisation" flush aside={<Measured of={list.value} />}>
      <View of={list} what="Storage by organisation">
        {(value) => (
          <>
            <p class="muted settings-filter">{ESTIMATED}</p>
            <Table inline density="normal" keys={false} label="Storage by organisation" columns={columns} rows={value.items} rowKey={(one) => one.org.id} />
          </>
        )}
      </View>
    </Card>
  );
}

/** Of one's own, for its administrators. */
export function OwnStorageCard(): JSX.Element {
  const own = useResource((signal) => call('GET /api/v1/orgs/current/storage', { signal }), [], { everyMs: EVERY_MS });
  return (
    <Card title="What this organisation takes" aside={<Measured of={own.value} />}>
      <View of={own} what="Storage of the organisation">
        {(value) => (
          <div class="stack">
            <Facts
              facts={[
                ...classes.map(({ key, title }) => [title, <Amount key={key} of={value[key]} />] as const),
                ['Together', <Bytes key="total" bytes={value.totalBytes} />],
              ]}
            />
            <p class="muted">{ESTIMATED}</p>
          </div>
        )}
      </View>
    </Card>
  );
}

const classes = [
  { key: 'database', title: 'Database' },
  { key: 'files', title: 'Files' },
  { key: 'artifacts', title: 'Artifacts' },
  { key: 'jobs', title: 'Jobs and logs' },
  { key: 'models', title: 'Models' },
  { key: 'uploads', title: 'Uploads' },
] as const;

const columns: readonly Column<OrgStorage>[] = [
  { key: 'org', title: 'Organisation', render: ({ org }) => <span class="truncate">{org.name}</span> },
  ...classes.map(({ key, title }): Column<OrgStorage> => ({
    ...{ key, title, width: '112px', align: 'end', minor: true },
    render: (one) => (
      <span data-tip={`${key === 'database' ? '≈ ' : ''}${formatNumber(one[key].count)}`}>
        <Bytes bytes={one[key].bytes} />
      </span>
    ),
  })),
  { key: 'total', title: 'Together', width: '112px', align: 'end', render: (one) => <Bytes bytes={one.totalBytes} /> },
];

function Amount({ of: { count, bytes } }: { readonly of: OrgStorage['files'] }): JSX.Element {
  return (
    <span>
      <Bytes bytes={bytes} /> <span class="muted">in {formatNumber(count)}</span>
    </span>
  );
}

function Measured(props: { readonly of: Pick<OrgStorageList, 'measuredAt' | 'isComplete'> | undefined }): JSX.Element | null {
  if (props.of === undefined) return null;
  return (
    <span class="muted">
      {props.of.isComplete ? '' : 'not all jobs counted, '}
      <RelativeTime at={props.of.measuredAt} />
    </span>
  );
}
