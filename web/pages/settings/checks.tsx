/** What this Studio stands on, each part with whether it answers, why not, and the page that says what to do. */
import { call } from '../../api.ts';
import { href } from '../../route.ts';
import { health } from '../../state/health.ts';
import { useResource } from '../../state/resource.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { Empty, View } from '../../ui/views.tsx';
import type { JSX } from 'preact';
import type { ReplyOf } from '../../../src/contract/index.ts';
import type { Column } from '../../ui/table.tsx';

type Check = ReplyOf<'GET /api/v1/infrastructure/health/full'>['checks'][number];

const EVERY_MS = 30_000;

const columns: readonly Column<Check>[] = [
  { key: 'name', title: 'Part', width: '200px', render: ({ name }) => <span class="strong">{name}</span> },
  {
    key: 'state',
    title: 'State',
    width: '130px',
    render: (check) => <StatusChip bare status={statusOf(check)} {...(check.ok ? {} : { word: 'Does not answer' })} />,
  },
  { key: 'reason', title: 'Why', minor: true, render: ({ reason }) => <span class="muted">{reason ?? ''}</span> },
  { key: 'help', title: 'Help', width: '110px', align: 'end', render: ({ name, help }) => help !== undefined && <HelpLink name={name} path={help} /> },
];

export function ChecksCard(): JSX.Element {
  // Read again when health says something else, too.
  const reasons = health.value?.reasons.join() ?? '';
  const full = useResource((signal) => call('GET /api/v1/infrastructure/health/full', { signal }), [reasons], { everyMs: EVERY_MS });
  return (
    <Card
      title="Checks"
      aside={
        <ButtonLink size="small" href={href('/docs/troubleshooting')} newTab>
          Troubleshooting
        </ButtonLink>
      }
    >
      <View of={full} what="The checks">
        {({ checks }) => (
          <Table
            inline
            density="normal"
            label="Checks"
            rows={checks}
            columns={columns}
            rowKey={({ name }) => name}
            empty={<Empty title="Nothing is checked" />}
          />
        )}
      </View>
    </Card>
  );
}

function HelpLink(props: { readonly name: string; readonly path: string }): JSX.Element {
  return (
    <a href={href(props.path)} target="_blank" rel="noopener" aria-label={`What to do about ${props.name}`}>
      What to do
    </a>
  );
}

function statusOf({ ok, required }: Check): 'ok' | 'failed' | 'degraded' {
  if (ok) return 'ok';
  return required ? 'failed' : 'degraded';
}
