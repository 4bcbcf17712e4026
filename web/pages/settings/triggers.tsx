/** What starts workflows by itself, of all workflows: on or off, when next, what came of the last time; and one switch for all. */
import { call } from '../../api.ts';
import { href, useParam } from '../../route.ts';
import { useResource } from '../../state/resource.ts';
import { FormRow, Segmented, Switch } from '../../ui/field.tsx';
import { Card } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { Table } from '../../ui/table.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty, View } from '../../ui/views.tsx';
import { triggerKinds } from '../workflows/trigger-kinds.ts';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { TriggerRowView } from '../../../src/contract/triggers.ts';
import type { Column } from '../../ui/table.tsx';

const types = [
  { value: '', label: 'All' },
  { value: 'cron', label: 'Schedules' },
  { value: 'webhook', label: 'Webhooks' },
  { value: 'form', label: 'Forms' },
  { value: 'event', label: 'Events' },
  { value: 'file', label: 'Files' },
] as const;

const states: Readonly<Record<TriggerRowView['state'], { readonly status: string; readonly word: string }>> = {
  active: { status: 'enabled', word: 'On' },
  disabled: { status: 'disabled', word: 'Off' },
  paused: { status: 'paused', word: 'Paused' },
  archived: { status: 'disabled', word: 'Archived' },
};

export function TriggersSection({ user }: { readonly user: User }): JSX.Element {
  const [typed, setType] = useParam('type');
  const type = types.find(({ value }) => value === typed)?.value ?? '';
  const triggers = useResource((signal) => call('GET /api/v1/triggers', { query: { limit: 200, ...(type === '' ? {} : { type }) }, signal }), [type], {
    follow: {
      rooms: [`org:${user.orgId}`],
      apply: (value, event) => (event.entity_kind === 'workflow' ? 'reload' : value),
    },
  });
  const change = async (row: TriggerRowView): Promise<void> => {
    const verb = row.enabled ? 'disable' : 'enable';
    try {
      await call(`POST /api/v1/workflows/{id}/triggers/{key}/${verb}`, { params: { id: row.workflowId, key: row.key } });
    } catch (error) {
      toastError(`${row.key} was not switched`, error);
    }
    triggers.reload();
  };
  return (
    <>
      <PauseAll user={user} onChanged={triggers.reload} />
      <Card title="Triggers" flush aside={<Segmented label="Kind" value={type} options={types} onChange={setType} />}>
        <View of={triggers} what="Triggers">
          {(page) => (
            <Table
              inline
              density="normal"
              label="Triggers"
              columns={columnsOf(change)}
              rows={page.items}
              rowKey={(row) => `${row.workflowId} ${row.key}`}
              empty={<Empty title="Nothing starts a workflow by itself">Schedules, webhooks, forms, events and files are added in a workflow’s editor.</Empty>}
            />
          )}
        </View>
      </Card>
    </>
  );
}

function PauseAll({ user, onChanged }: { readonly user: User; readonly onChanged: () => void }): JSX.Element {
  const settings = useResource((signal) => call('GET /api/v1/settings', { signal }), []);
  const set = async (triggersPaused: boolean): Promise<void> => {
    try {
      settings.set(await call('PATCH /api/v1/settings', { body: { triggersPaused } }));
      toast({ text: triggersPaused ? 'All triggers are paused' : 'Triggers fire again' });
    } catch (error) {
      toastError('Triggers were not changed', error);
    }
    onChanged();
  };
  return (
    <Card>
      <FormRow
        title="Pause all triggers"
        description="While this is on, neither schedules nor webhooks start anything. What runs goes on, and runs by hand still start."
      >
        <Switch
          hideLabel
          label="Pause all triggers"
          checked={settings.value?.triggersPaused === true}
          disabled={user.role === 'user' || settings.value === undefined}
          onChange={(checked) => void set(checked)}
        />
      </FormRow>
    </Card>
  );
}

function columnsOf(onChange: (row: TriggerRowView) => Promise<void>): readonly Column<TriggerRowView>[] {
  return [
    { key: 'trigger', title: 'Trigger', render: (row) => <Trigger row={row} /> },
    { key: 'state', title: 'State', width: '104px', minor: true, render: (row) => <StatusChip bare {...states[row.state]} /> },
    { key: 'next', title: 'Next', width: '96px', align: 'end', minor: true, render: (row) => <RelativeTime at={row.nextFireAt} /> },
    { key: 'last', title: 'Last', width: '96px', align: 'end', minor: true, render: (row) => <RelativeTime at={row.lastFiredAt} /> },
    {
      key: 'outcome',
      title: 'What came of it',
      minor: true,
      render: (row) => (
        <span class={row.lastError === null ? 'muted truncate' : 'why-failed truncate'} data-tip={outcomeOf(row)}>
          {outcomeOf(row)}
        </span>
      ),
    },
    {
      key: 'switch',
      title: 'On or off',
      hideTitle: true,
      width: '56px',
      align: 'end',
      render: (row) => (
        <Switch
          hideLabel
          label={`${row.key} of ${row.workflowName} is on`}
          checked={row.enabled}
          disabled={row.state === 'archived'}
          onChange={() => void onChange(row)}
        />
      ),
    },
  ];
}

function Trigger({ row }: { readonly row: TriggerRowView }): JSX.Element {
  const kind = triggerKinds[row.type];
  return (
    <span class="row">
      <kind.icon size={14} aria-label={kind.title} />
      <a class="truncate" href={href(`/workflows/${row.workflowId}?tab=triggers`)}>
        {row.workflowName}
      </a>
      <span class="mono faint truncate">{row.key}</span>
    </span>
  );
}

function outcomeOf({ lastError, lastResult }: TriggerRowView): string {
  if (lastError !== null) return lastError;
  if (lastResult === null) return '';
  return lastResult.reason === undefined ? lastResult.outcome : `${lastResult.outcome}: ${lastResult.reason}`;
}
