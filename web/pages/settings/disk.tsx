/** What lies on the disk by class: how much, how long it is kept, what is due; setting the time and cleaning up, each with a look at what would go. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { useResource } from '../../state/resource.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { formatBytes, formatCount, formatNumber } from '../../ui/format.ts';
import { Meter } from '../../ui/meter.tsx';
import { Card } from '../../ui/page.tsx';
import { Table } from '../../ui/table.tsx';
import { Bytes, RelativeTime } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { View } from '../../ui/views.tsx';
import { classWords, dueWords } from './disk-words.ts';
import { FormFault } from './card-form.tsx';
import type { JSX } from 'preact';
import type { ReplyOf } from '../../../src/contract/index.ts';

type Disk = ReplyOf<'GET /api/v1/system/disk'>;
type DiskClass = Disk['classes'][number];

// Nothing tells of it; it grows slowly.
const EVERY_MS = 60_000;

export function DiskSection(): JSX.Element {
  const disk = useResource((signal) => call('GET /api/v1/system/disk', { signal }), [], { everyMs: EVERY_MS });
  return (
    <View of={disk} what="The disk">
      {(value) => (
        <>
          <Card
            title="Disk"
            aside={
              <span class="muted">
                {formatBytes(value.freeBytes)} of {formatBytes(value.totalBytes)} free
              </span>
            }
          >
            <div class="stack">
              <Meter label="Of the volume used" used={value.totalBytes - value.freeBytes} total={value.totalBytes} />
              <Table
                inline
                density="normal"
                label="Folders of the workspace"
                columns={[
                  { key: 'name', title: 'Folder', render: (folder) => <span class="mono">{folder.name}</span> },
                  { key: 'files', title: 'Files', width: '120px', align: 'end', minor: true, render: (folder) => formatNumber(folder.files) },
                  { key: 'bytes', title: 'Size', width: '120px', align: 'end', render: (folder) => <Bytes bytes={folder.bytes} /> },
                ]}
                rows={value.folders.toSorted((a, b) => b.bytes - a.bytes)}
                rowKey={(folder) => folder.name}
              />
            </div>
          </Card>
          <Classes classes={value.classes} onChanged={disk.reload} />
        </>
      )}
    </View>
  );
}

function Classes(props: { readonly classes: readonly DiskClass[]; readonly onChanged: () => void }): JSX.Element {
  const setting = useSignal<DiskClass | undefined>(undefined);
  const cleaning = useSignal<DiskClass | undefined>(undefined);
  return (
    <Card title="How long it is kept" flush>
      <Table
        inline
        density="normal"
        label="How long each kind is kept"
        columns={[
          { key: 'class', title: 'What', render: (one) => classWords[one.class] },
          { key: 'rows', title: 'Count', width: '96px', align: 'end', minor: true, render: (one) => <span class="figures">{formatNumber(one.rows)}</span> },
          { key: 'bytes', title: 'Size', width: '104px', align: 'end', minor: true, render: (one) => <Bytes bytes={one.bytes} /> },
          { key: 'oldest', title: 'Oldest', width: '112px', align: 'end', minor: true, render: (one) => <RelativeTime at={one.oldest} /> },
          {
            key: 'days',
            title: 'Kept',
            width: '112px',
            align: 'end',
            render: (one) => {
              const kept = one.days === null ? 'for ever' : formatCount(one.days, 'day');
              return (
                <Button
                  size="small"
                  kind="quiet"
                  label={`${kept}: change how long ${classWords[one.class].toLowerCase()} are kept`}
                  onClick={() => (setting.value = one)}
                >
                  {kept}
                </Button>
              );
            },
          },
          {
            key: 'due',
            title: 'Due',
            width: '128px',
            align: 'end',
            render: (one) =>
              one.due.rows === 0 ? (
                <span class="muted">nothing</span>
              ) : (
                <Button size="small" label={`Clean up ${classWords[one.class].toLowerCase()}`} onClick={() => (cleaning.value = one)}>
                  Clean up {formatNumber(one.due.rows)}
                </Button>
              ),
          },
        ]}
        rows={props.classes}
        rowKey={(one) => one.class}
      />
      {setting.value !== undefined && <SetDays one={setting.value} onClose={() => (setting.value = undefined)} onChanged={props.onChanged} />}
      {cleaning.value !== undefined && <CleanUp one={cleaning.value} onClose={() => (cleaning.value = undefined)} onChanged={props.onChanged} />}
    </Card>
  );
}

interface ClassDialog {
  readonly one: DiskClass;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

function CleanUp({ one, onClose, onChanged }: ClassDialog): JSX.Element {
  const confirm = async (): Promise<void> => {
    const { rows, bytes, isComplete } = await call('POST /api/v1/system/disk/clean', { body: { class: one.class } });
    toast({ text: `Deleted ${formatNumber(rows)}, ${formatBytes(bytes)}${isComplete ? '' : '; more is due, clean up again'}` });
    onChanged();
  };
  return (
    <Confirm title={`Clean up ${classWords[one.class].toLowerCase()}`} action="Delete them" danger onConfirm={confirm} onClose={onClose}>
      {dueWords({ of: one.rows, rows: one.due.rows, bytes: one.due.bytes })} It can’t be undone.
    </Confirm>
  );
}

function SetDays({ one, onClose, onChanged }: ClassDialog): JSX.Element {
  const days = useSignal(one.days === null ? '' : String(one.days));
  const wanted = days.value.trim() === '' ? null : Number(days.value);
  const isUsable = wanted === null ? one.maxDays === null : Number.isInteger(wanted) && wanted >= 1 && wanted <= (one.maxDays ?? 3_650);
  const preview = useResource(
    async (signal) =>
      wanted === null || !isUsable ? null : call('POST /api/v1/system/disk/clean', { signal, body: { class: one.class, days: wanted, dryRun: true } }),
    [wanted],
  );
  const save = useAction(async () => {
    await call('PUT /api/v1/system/disk/retention', { body: { [one.class]: wanted } });
    toast({ text: 'Saved; what is due goes within the hour' });
    onChanged();
    onClose();
  });
  return (
    <Dialog
      title={`Keep ${classWords[one.class].toLowerCase()}`}
      size="small"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" busy={save.busy} disabled={!isUsable} onClick={() => void save.run()}>
            Save
          </Button>
        </>
      }
    >
      <div class="stack">
        <FormFault error={save.error} fields={[]} />
        <Field
          label="Days"
          hint={one.maxDays === null ? 'Empty: for ever' : `At most ${formatNumber(one.maxDays)}`}
          fault={isUsable ? undefined : `A whole number from 1 to ${formatNumber(one.maxDays ?? 3_650)}`}
        >
          {(links) => <Input {...links} type="number" min={1} max={one.maxDays ?? 3_650} value={days.value} onInput={(value) => (days.value = value)} />}
        </Field>
        <p class="muted" aria-live="polite">
          {wanted === null ? 'Nothing would be deleted.' : preview.value === undefined || preview.value === null ? '' : dueWords(preview.value)}
        </p>
      </div>
    </Dialog>
  );
}
