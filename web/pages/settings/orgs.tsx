/** The organisations of this machine: making, naming and importing them, taking one along as a file, and deleting one for ever, with the certificate of it. */
import { useSignal } from '@preact/signals';
import { Plus } from 'lucide-preact';
import { call } from '../../api.ts';
import { loadSession, me } from '../../session.ts';
import { useCommands } from '../../shell/commands.ts';
import { useAction } from '../../state/action.ts';
import { askMemberships, useMemberships } from '../../state/memberships.ts';
import { useOrgWorks } from '../../state/org-work.ts';
import type { OrgWork } from '../../state/org-work-words.ts';
import { exportOrg, goToOrg, saveAs } from '../../state/orgs.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { formatBytes, formatCount, formatNumber } from '../../ui/format.ts';
import { Menu } from '../../ui/menu.tsx';
import { Card } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { Bytes, RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Banner, View } from '../../ui/views.tsx';
import { FormFault } from './card-form.tsx';
import { CreateOrg, ImportOrg, RenameOrg } from './org-dialogs.tsx';
import { OrgProgress } from './org-progress.tsx';
import type { JSX } from 'preact';
import type { ReplyOf } from '../../../src/contract/index.ts';

type Org = ReplyOf<'GET /api/v1/orgs'>['items'][number];
type Certificate = ReplyOf<'GET /api/v1/org-purges'>['items'][number];

const MIN_PASSPHRASE = 12;

export function OrgsSection(): JSX.Element {
  const orgs = useResource((signal) => call('GET /api/v1/orgs', { signal }), []);
  const purges = useResource((signal) => call('GET /api/v1/org-purges', { signal }), []);
  const dialog = useSignal<'create' | 'import' | undefined>(undefined);
  const renaming = useSignal<Org | undefined>(undefined);
  const mine = useMemberships();
  useCommands([
    { id: 'orgs:new', title: 'New organisation', group: 'This page', keys: 'c', run: () => void (dialog.value = 'create') },
    { id: 'orgs:import', title: 'Import an organisation', group: 'This page', run: () => void (dialog.value = 'import') },
  ]);
  const exporting = useSignal<Org | undefined>(undefined);
  const purging = useSignal<Org | undefined>(undefined);
  const works = useOrgWorks(me.value?.id ?? '');
  const reload = (): void => {
    orgs.reload();
    purges.reload();
  };
  const changed = (): void => {
    reload();
    askMemberships();
  };
  const renamed = (): void => {
    changed();
    // The frame shows the name of the one we are in.
    void loadSession();
  };
  return (
    <>
      <View of={orgs} what="Organisations">
        {({ items }) => (
          <Card
            title="Organisations"
            flush
            aside={
              <span class="row">
                <Button size="small" onClick={() => (dialog.value = 'import')}>
                  Import…
                </Button>
                <Button size="small" kind="primary" icon={<Plus size={14} />} onClick={() => (dialog.value = 'create')}>
                  New organisation
                </Button>
              </span>
            }
          >
            <Table
              inline
              density="normal"
              label="Organisations"
              columns={[
                { key: 'name', title: 'Name', render: (one) => <OrgName one={one} work={works[one.id]} /> },
                { key: 'members', title: 'People', width: '88px', align: 'end', minor: true, render: (one) => formatNumber(one.members) },
                { key: 'bytes', title: 'Files', width: '104px', align: 'end', minor: true, render: (one) => <Bytes bytes={one.bytes} /> },
                {
                  key: 'do',
                  title: '',
                  width: '228px',
                  align: 'end',
                  render: (one) => (
                    <span class="row row-end">
                      <Button size="small" label={`Export ${one.name}`} onClick={() => (exporting.value = one)}>
                        Export
                      </Button>
                      <Button size="small" label={`Purge ${one.name}`} onClick={() => (purging.value = one)}>
                        Purge
                      </Button>
                      <Menu
                        label={`Actions for ${one.name}`}
                        buttonClass="btn btn-icon btn-quiet btn-size-small"
                        items={[
                          { label: 'Rename…', onSelect: () => void (renaming.value = one) },
                          ...mine
                            .filter(({ id, current }) => id === one.id && !current)
                            .map(({ id, name }) => ({
                              label: 'Go there',
                              onSelect: () => void goToOrg(id).catch((error: unknown) => toastError(`Not in ${name}`, error)),
                            })),
                        ]}
                      >
                        ⋯
                      </Menu>
                    </span>
                  ),
                },
              ]}
              rows={items}
              rowKey={(one) => one.id}
            />
          </Card>
        )}
      </View>
      <View of={purges} what="Purged organisations">
        {({ items }) => (items.length === 0 ? null : <Purged items={items} />)}
      </View>
      {dialog.value === 'create' && <CreateOrg onClose={() => (dialog.value = undefined)} onDone={changed} />}
      {dialog.value === 'import' && (
        <ImportOrg work={Object.values(works).find((one) => one?.work === 'import')} onClose={() => (dialog.value = undefined)} onDone={changed} />
      )}
      {renaming.value !== undefined && <RenameOrg one={renaming.value} onClose={() => (renaming.value = undefined)} onDone={renamed} />}
      {exporting.value !== undefined && <ExportOrg one={exporting.value} work={works[exporting.value.id]} onClose={() => (exporting.value = undefined)} />}
      {purging.value !== undefined && (
        <PurgeOrg one={purging.value} work={works[purging.value.id]} onClose={() => (purging.value = undefined)} onPurged={reload} />
      )}
    </>
  );
}

function OrgName({ one, work }: { readonly one: Org; readonly work: OrgWork | undefined }): JSX.Element {
  return work === undefined ? (
    <>{one.name}</>
  ) : (
    <span class="stack stack-tight">
      {one.name}
      <OrgProgress work={work} />
    </span>
  );
}

interface DialogProps {
  readonly one: Org;
  /** What goes on with it. */
  readonly work: OrgWork | undefined;
  readonly onClose: () => void;
}

function Purged(props: { readonly items: readonly Certificate[] }): JSX.Element {
  return (
    <Card title="Purged" flush>
      <Table
        inline
        density="normal"
        label="Purged organisations"
        columns={[
          { key: 'name', title: 'Name', render: (one) => one.org.name },
          { key: 'when', title: 'When', width: '120px', align: 'end', render: (one) => <RelativeTime at={one.endedAt} /> },
          {
            key: 'certificate',
            title: '',
            width: '136px',
            align: 'end',
            render: (one) => (
              <Button size="small" label={`Certificate of ${one.org.name}`} onClick={() => saveAs(`purge-${one.org.id}.json`, JSON.stringify(one, null, 2))}>
                Certificate
              </Button>
            ),
          },
        ]}
        rows={props.items}
        rowKey={(one) => one.sha256}
      />
    </Card>
  );
}

function ExportOrg({ one, work, onClose }: DialogProps): JSX.Element {
  const passphrase = useSignal('');
  const isShort = passphrase.value !== '' && passphrase.value.length < MIN_PASSPHRASE;
  const run = useAction(async () => {
    await exportOrg(one, passphrase.value === '' ? undefined : passphrase.value);
    onClose();
  });
  return (
    <Dialog
      title={`Export ${one.name}`}
      size="small"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={run.busy} disabled={isShort} onClick={() => void run.run()}>
            Export
          </Button>
        </>
      }
    >
      <div class="stack">
        <FormFault error={run.error} fields={[]} />
        <p>One file with workflows, past runs and files ({formatBytes(one.bytes)}) that another Studio can import.</p>
        <Field
          label="Passphrase"
          optional
          hint="Secrets travel only with one; it opens them where the file is imported"
          fault={isShort ? `At least ${MIN_PASSPHRASE} characters` : undefined}
        >
          {(links) => <Input {...links} type="password" autocomplete="new-password" value={passphrase.value} onInput={(value) => (passphrase.value = value)} />}
        </Field>
        <OrgProgress work={work} />
      </div>
    </Dialog>
  );
}

function PurgeOrg({ one, work, onClose, onPurged }: DialogProps & { readonly onPurged: () => void }): JSX.Element {
  const preview = useResource((signal) => call('GET /api/v1/orgs/{id}/purge', { signal, params: { id: one.id } }), [one.id]);
  const confirm = async (): Promise<void> => {
    const done = await call('POST /api/v1/orgs/{id}/purge', { params: { id: one.id }, body: { name: one.name }, timeoutMs: 600_000 });
    toast({ text: `${one.name} was purged: ${formatCount(done.content.files, 'file')} and all its rows are gone` });
    onPurged();
  };
  return (
    <Confirm title={`Purge ${one.name}`} action="Purge for ever" danger typed={one.name} onConfirm={confirm} onClose={onClose}>
      <View of={preview} what="What would go">
        {(value) => (
          <div class="stack">
            {value.obstacles.map((obstacle) => (
              <Banner key={obstacle} tone="warn">
                {obstacle}
              </Banner>
            ))}
            <p>
              Deletes {formatCount(sum(value.tables), 'row')} and {formatCount(value.content.files, 'file')} ({formatBytes(value.content.bytes)})
              {value.people.length === 0 ? '' : `, and the accounts of ${value.people.join(', ')}`}. What runs is stopped first. Backups keep it until they are
              pruned.
            </p>
            <OrgProgress work={work} />
          </div>
        )}
      </View>
    </Confirm>
  );
}

function sum(tables: readonly { readonly rows: number }[]): number {
  return tables.reduce((total, { rows }) => total + rows, 0);
}
