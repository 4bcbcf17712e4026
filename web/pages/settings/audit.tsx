/** The audit trail: who did what to what, from where; newest first, by action and person. */
import { useParam } from '../../route.ts';
import { call, urlOf } from '../../api.ts';
import { usePeople } from '../../state/people.ts';
import { usePages } from '../../state/pages.ts';
import { Field, Input } from '../../ui/field.tsx';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Card } from '../../ui/page.tsx';
import { FilterCell } from '../../ui/filter-bar.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { detailWords } from './audit-words.ts';
import type { JSX } from 'preact';
import type { AuditEntry } from '../../../src/contract/audit.ts';
import type { Column } from '../../ui/table.tsx';

const PAGE = 100;

export function AuditSection(): JSX.Element {
  const [action, setAction] = useParam('action');
  const [actor, setActor] = useParam('actor');
  const query = { ...(action === '' ? {} : { action }), ...(actor === '' ? {} : { actor }) };
  const entries = usePages<AuditEntry, { readonly items: readonly AuditEntry[]; readonly next: string | null }>(
    (after, signal) => call('GET /api/v1/audit', { query: { ...query, limit: PAGE, after }, signal }),
    [action, actor],
  );
  const names = usePeople();
  return (
    <Card
      title="Audit trail"
      flush
      aside={
        <>
          <ButtonLink size="small" href={urlOf('/api/v1/audit/export', {}, query).href} download="audit.jsonl">
            Export
          </ButtonLink>
          <Button size="small" onClick={entries.reload}>
            Look again
          </Button>
        </>
      }
    >
      <div class="settings-filter">
        <Field label="Action">{(links) => <Input {...links} mono placeholder="session.started" value={action} autocomplete="off" onInput={setAction} />}</Field>
        <Field label="By">{(links) => <Input {...links} mono placeholder="usr_… or anonymous" value={actor} autocomplete="off" onInput={setActor} />}</Field>
      </div>
      <View of={entries} what="The audit trail">
        {(page) => (
          <>
            <Table
              inline
              label="Audit trail"
              columns={columnsOf(names, { setAction, setActor })}
              rows={page.items}
              rowKey={(entry) => entry.id}
              empty={<Empty title="Nothing is recorded of this">Sign-ins, keys, secrets, members, settings and every refused attempt are.</Empty>}
            />
            {page.next !== null && (
              <div class="settings-more">
                <Button size="small" busy={entries.loadingMore} onClick={entries.more}>
                  Show older
                </Button>
              </div>
            )}
          </>
        )}
      </View>
    </Card>
  );
}

interface Filters {
  readonly setAction: (action: string) => void;
  readonly setActor: (actor: string) => void;
}

function columnsOf(names: ReadonlyMap<string, string>, { setAction, setActor }: Filters): readonly Column<AuditEntry>[] {
  return [
    { key: 'at', title: 'When', width: '84px', render: (entry) => <RelativeTime at={entry.at} /> },
    {
      key: 'action',
      title: 'Action',
      render: (entry) => (
        <FilterCell label={`Only ${entry.action}`} onFilter={() => setAction(entry.action)}>
          <span class="mono">{entry.action}</span>
        </FilterCell>
      ),
    },
    {
      key: 'actor',
      title: 'By',
      width: '112px',
      render: (entry) => (
        <FilterCell label="Only by them" onFilter={() => setActor(entry.actor)}>
          <span data-tip={entry.actor}>{names.get(entry.actor) ?? entry.actor}</span>
        </FilterCell>
      ),
    },
    {
      key: 'target',
      title: 'What',
      minor: true,
      render: (entry) => (
        <span class="truncate" data-tip={detailWords(entry)}>
          <span class="mono">{entry.target}</span> <span class="muted">{detailWords(entry)}</span>
        </span>
      ),
    },
    { key: 'address', title: 'From', width: '120px', minor: true, render: (entry) => <span class="mono faint truncate">{entry.address}</span> },
  ];
}
