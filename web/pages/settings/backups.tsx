/** Backups: what there is and what each is worth, what goes on, making and proving one, how to restore, and the schedule. */
import { useSignal } from '@preact/signals';
import { Archive, Download, Ellipsis, Plus, RotateCcw, ShieldCheck, Trash2 } from 'lucide-preact';
import { call, urlOf } from '../../api.ts';
import { useCommands } from '../../shell/commands.ts';
import { useAction } from '../../state/action.ts';
import { kindWords, phaseWords, progressWords, worthOf } from '../../state/backup-words.ts';
import { useBackups } from '../../state/backups.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { formatBytes, formatCount, formatNumber } from '../../ui/format.ts';
import { Menu } from '../../ui/menu.tsx';
import { Progress } from '../../ui/meter.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import { StatusShape } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { Bytes, RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { Banner, Empty, ErrorView, View } from '../../ui/views.tsx';
import { BackUpDialog, ProveDialog, RestoreDialog } from './backup-dialogs.tsx';
import { BackupSchedule } from './backup-schedule.tsx';
import type { JSX } from 'preact';
import type { Backup, BackupList, BackupWork } from '../../../src/contract/backups.ts';
import type { Column } from '../../ui/table.tsx';

/** What a person asked to do, until the dialog of it closes. */
type Asked = { readonly what: 'create' } | { readonly what: 'prove' | 'restore' | 'delete'; readonly backup: Backup };

export function BackupsSection(): JSX.Element {
  const backups = useBackups();
  const asked = useSignal<Asked | undefined>(undefined);
  const isBusy = backups.value?.work != null;
  const create = (): void => void (asked.value = { what: 'create' });
  useCommands([{ id: 'backup-now', title: 'Back up now', group: 'This page', keys: 'n', disabled: isBusy, run: create }]);
  const close = (): void => void (asked.value = undefined);
  const done = (): void => {
    close();
    backups.reload();
  };
  return (
    <View of={backups} what="Backups">
      {(list) => (
        <>
          {list.fault !== null && <Banner tone="bad">{list.fault}</Banner>}
          <PlaceCard list={list} onCreate={create} />
          {list.work !== null && <WorkCard work={list.work} onCancelled={backups.reload} />}
          <Card title="Backups" flush>
            <Table
              inline
              density="normal"
              label="Backups"
              columns={columnsOf((what, backup) => (asked.value = { what, backup }), isBusy)}
              rows={list.items}
              rowKey={(backup) => backup.id}
              empty={
                <Empty
                  title="No backups yet"
                  icon={<Archive size={24} strokeWidth={1.5} />}
                  action={
                    <Button disabled={isBusy} onClick={create}>
                      Back up now
                    </Button>
                  }
                >
                  A backup holds the database, files and settings of one moment. Work goes on while it is made, and it is proved by a restore that is thrown
                  away.
                </Empty>
              }
            />
          </Card>
          <BackupSchedule settings={list.settings} canBePhysical={list.canBePhysical} nextAt={list.nextAt} onSaved={backups.reload} />
          {asked.value?.what === 'create' && <BackUpDialog list={list} onClose={close} onBegun={done} />}
          {asked.value?.what === 'prove' && <ProveDialog backup={asked.value.backup} hasPassphrase={list.place.hasPassphrase} onClose={close} onBegun={done} />}
          {asked.value?.what === 'restore' && <RestoreDialog backup={asked.value.backup} onClose={close} />}
          {asked.value?.what === 'delete' && <DeleteDialog backup={asked.value.backup} onClose={close} onDeleted={done} />}
        </>
      )}
    </View>
  );
}

function PlaceCard({ list, onCreate }: { readonly list: BackupList; readonly onCreate: () => void }): JSX.Element {
  const { place } = list;
  const newest = list.items.find(({ status }) => status === 'complete');
  const proof = list.items.flatMap((one) => (one.proof === null ? [] : [one.proof])).toSorted((a, b) => (a.at < b.at ? 1 : -1))[0];
  return (
    <Card
      title="Where they lie"
      aside={
        <Button kind="primary" size="small" icon={<Plus size={14} />} disabled={list.work !== null} onClick={onCreate}>
          Back up now
        </Button>
      }
    >
      <div class="stack">
        <Facts
          facts={[
            [
              'Place',
              <span key="place" class="mono">
                {place.label}
              </span>,
            ],
            ['Free there', place.freeBytes === null ? undefined : <Bytes key="free" bytes={place.freeBytes} />],
            ['Newest', newest === undefined ? 'none' : <RelativeTime key="newest" at={newest.createdAt} />],
            [
              'Last proof',
              proof === undefined ? (
                'none'
              ) : (
                <span key="proof">
                  {proof.ok ? 'good' : 'no good'}, <RelativeTime at={proof.at} />
                </span>
              ),
            ],
          ]}
        />
        {place.isLocal && (
          <Banner tone="note">
            This place is on the same machine: what takes its disk takes the backups too. Name a folder on another disk or a bucket in BACKUP_TARGET, or
            download one.
          </Banner>
        )}
        {list.last !== null && !list.last.ok && list.fault === null && <Banner tone="warn">The last work ended: {list.last.message}</Banner>}
      </div>
    </Card>
  );
}

const TITLES = { create: 'A backup is made', verify: 'A backup is proved', prune: 'Backups are thinned out' } as const;

function WorkCard({ work, onCancelled }: { readonly work: BackupWork; readonly onCancelled: () => void }): JSX.Element {
  const cancel = useAction(async () => {
    await call('POST /api/v1/backups/{id}/cancel', { params: { id: work.id } });
    toast({ text: 'Cancelled' });
    onCancelled();
  });
  const { doneBytes, totalBytes, at } = work.progress;
  return (
    <Card
      title={TITLES[work.kind]}
      aside={
        <Button size="small" busy={cancel.busy} onClick={() => void cancel.run()}>
          Cancel
        </Button>
      }
    >
      <div class="stack stack-tight">
        <span class="strong">{phaseWords(work.progress)}</span>
        <Progress label={phaseWords(work.progress)} value={totalBytes === null || totalBytes === 0 ? undefined : doneBytes / totalBytes} />
        <span class="muted small">{[progressWords(work.progress), at ?? ''].filter((part) => part !== '').join(' · ')}</span>
        {cancel.error !== undefined && <ErrorView compact title="It was not cancelled" error={cancel.error} />}
      </div>
    </Card>
  );
}

const SHAPES = { good: 'completed', bad: 'failed', unknown: 'pending' } as const;

function columnsOf(ask: (what: 'prove' | 'restore' | 'delete', backup: Backup) => void, isBusy: boolean): readonly Column<Backup>[] {
  return [
    { key: 'at', title: 'Made', width: '92px', render: (backup) => <RelativeTime at={backup.createdAt} /> },
    {
      key: 'worth',
      title: 'Worth',
      width: '116px',
      render: (backup) => {
        const { word, tone, why } = worthOf(backup);
        return (
          <span class="row" data-tip={why}>
            <StatusShape status={SHAPES[tone]} /> {word}
          </span>
        );
      },
    },
    {
      key: 'kind',
      title: 'Kind',
      width: '84px',
      render: (backup) => (backup.status === 'damaged' ? <span class="faint">unknown</span> : <span data-tip={kindWords(backup)}>{backup.kind}</span>),
    },
    {
      key: 'holds',
      title: 'Holds',
      minor: true,
      render: (backup) => (
        <span class="muted truncate" data-tip={backup.leftOut.map(({ what, why }) => `Without ${what}: ${why}`).join('\n')}>
          {formatNumber(backup.rows)} rows, {formatCount(backup.files, 'file')}, {backup.isEncrypted ? 'sealed, with keys' : 'without keys'}
        </span>
      ),
    },
    {
      key: 'reason',
      title: 'By',
      width: '96px',
      minor: true,
      render: (backup) => <span class="muted">{backup.reason === 'manual' ? 'hand' : backup.reason}</span>,
    },
    {
      key: 'size',
      title: 'Size',
      width: '92px',
      align: 'end',
      minor: true,
      render: (backup) => (
        <span data-tip={`${formatBytes(backup.rawBytes)} before compression`}>
          <Bytes bytes={backup.bytes} />
        </span>
      ),
    },
    {
      key: 'actions',
      title: 'Actions',
      hideTitle: true,
      width: '64px',
      align: 'end',
      render: (backup) => (
        <Menu
          label={`What to do with the backup of ${backup.createdAt}`}
          items={[
            {
              label: 'Prove by a restore…',
              icon: <ShieldCheck size={14} />,
              disabled: isBusy || backup.status === 'damaged',
              onSelect: () => ask('prove', backup),
            },
            { label: 'How to restore…', icon: <RotateCcw size={14} />, disabled: backup.status === 'damaged', onSelect: () => ask('restore', backup) },
            {
              label: 'Download as one file',
              icon: <Download size={14} />,
              disabled: backup.status === 'damaged',
              href: urlOf('/api/v1/backups/{id}/archive', { id: backup.id }).href,
            },
            { label: 'Delete…', icon: <Trash2 size={14} />, danger: true, separated: true, disabled: isBusy, onSelect: () => ask('delete', backup) },
          ]}
        >
          <Ellipsis size={16} aria-hidden="true" />
        </Menu>
      ),
    },
  ];
}

function DeleteDialog(props: { readonly backup: Backup; readonly onClose: () => void; readonly onDeleted: () => void }): JSX.Element {
  const remove = async (): Promise<void> => {
    await call('DELETE /api/v1/backups/{id}', { params: { id: props.backup.id } });
    toast({ text: 'Deleted' });
    props.onDeleted();
  };
  return (
    <Confirm title="Delete this backup?" action="Delete" danger onConfirm={remove} onClose={props.onClose}>
      What was at that moment can’t be brought back from it any more. Files that other backups need stay.
    </Confirm>
  );
}
