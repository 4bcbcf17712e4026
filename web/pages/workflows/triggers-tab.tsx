/** What starts a workflow by itself: webhooks and forms with their URL, schedules with their next time, events, files; on, off, new URL. */
import { CalendarClock, RefreshCw } from 'lucide-preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Workflow } from '../../../src/contract/workflows.ts';
import { baseUrl, call } from '../../api.ts';
import { href } from '../../route.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Switch } from '../../ui/field.tsx';
import { Card, Facts } from '../../ui/page.tsx';
import { StatusChip } from '../../ui/status-chip.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import { Empty } from '../../ui/views.tsx';
import { triggerKinds } from './trigger-kinds.ts';

type Trigger = Workflow['triggers'][number];

export function TriggersTab(props: { readonly workflow: Workflow; readonly onChanged: () => void }): JSX.Element {
  const { workflow } = props;
  const [asking, setAsking] = useState<Trigger>();
  const change = async (trigger: Trigger, enabled: boolean): Promise<void> => {
    try {
      await call(`POST /api/v1/workflows/{id}/triggers/{key}/${enabled ? 'enable' : 'disable'}`, { params: { id: workflow.id, key: trigger.key } });
      props.onChanged();
    } catch (error) {
      toastError(`Switch ${trigger.key} ${enabled ? 'on' : 'off'}`, error);
    }
  };
  if (workflow.triggers.length === 0) {
    return (
      <Empty
        icon={<CalendarClock size={24} />}
        title="Nothing starts this workflow by itself"
        action={<ButtonLink href={href(`/workflows/${workflow.id}?tab=editor`)}>Add a trigger in the editor</ButtonLink>}
      >
        {'A schedule: "triggers": [{ "key": "daily", "type": "cron", "params": { "expression": "0 8 * * *" } }]. A webhook and a form get a URL of their own.'}
      </Empty>
    );
  }
  return (
    <div class="pane-body trigger-cards">
      {workflow.triggers.map((trigger) => (
        <TriggerCard key={trigger.key} trigger={trigger} onChange={(on) => void change(trigger, on)} onRotate={() => setAsking(trigger)} />
      ))}
      {asking !== undefined && (
        <Confirm
          title={`Give ${asking.key} a new URL?`}
          action="New URL"
          danger
          onClose={() => setAsking(undefined)}
          onConfirm={async () => {
            await call('POST /api/v1/workflows/{id}/triggers/{key}/rotate', { params: { id: workflow.id, key: asking.key } });
            toast({ text: `${asking.key} has a new URL` });
            props.onChanged();
          }}
        >
          The old URL stops working at once: whoever calls it needs the new one.
        </Confirm>
      )}
    </div>
  );
}

function TriggerCard(props: { readonly trigger: Trigger; readonly onChange: (on: boolean) => void; readonly onRotate: () => void }): JSX.Element {
  const { trigger } = props;
  const url = trigger.url === undefined ? undefined : new URL(trigger.url.replace(/^\//, ''), baseUrl()).href;
  const text = (name: string): string | undefined => (trigger.params[name] === undefined ? undefined : String(trigger.params[name]));
  const kind = triggerKinds[trigger.type];
  const schedule = trigger.type === 'cron';
  return (
    <Card
      title={trigger.key}
      aside={
        <>
          <StatusChip status={trigger.enabled ? 'enabled' : 'disabled'} bare />
          <Switch hideLabel label={`${trigger.key} is on`} checked={trigger.enabled} onChange={props.onChange} />
        </>
      }
    >
      <div class="stack">
        <div class="row">
          <kind.icon size={14} aria-hidden="true" />
          <span>{kind.title}</span>
        </div>
        {url !== undefined && (
          <div class="row row-wrap">
            <code class="trigger-url">{url}</code>
            <CopyButton text={url} label="Copy the URL" />
            {(trigger.type === 'webhook' || text('access') === 'public') && (
              <Button size="small" icon={<RefreshCw size={12} />} onClick={props.onRotate}>
                New URL…
              </Button>
            )}
            {trigger.type === 'form' && <ButtonLink href={href(trigger.url ?? '')}>Open the form</ButtonLink>}
          </div>
        )}
        <Facts
          facts={[
            ['Schedule', schedule ? <code>{text('expression')}</code> : undefined],
            ['Time zone', schedule ? (text('timezone') ?? 'UTC') : undefined],
            ['Missed times', schedule ? missedWords[text('catchUp') ?? 'one'] : undefined],
            ['While one runs', schedule ? overlapWords[text('overlap') ?? 'allow'] : undefined],
            [
              'Proof',
              trigger.type === 'webhook'
                ? `${text('auth') ?? ''}${trigger.params['secret'] === undefined ? '' : `, secret ${text('secret') ?? ''}`}`
                : undefined,
            ],
            ['Open to', trigger.type === 'form' ? (text('access') === 'public' ? 'whoever has the URL' : 'members') : undefined],
            ['Hears', trigger.type === 'event' ? <code>{listText(trigger.params['types'])}</code> : undefined],
            ['If', trigger.type === 'event' && text('filter') !== undefined ? <code>{text('filter')}</code> : undefined],
            ['Files', trigger.type === 'file' ? <code>{`${text('prefix') ?? 'inbox/'}${text('pattern') ?? '**'}`}</code> : undefined],
            ['Next', schedule ? trigger.enabled ? <RelativeTime at={trigger.nextFireAt} /> : 'switched off' : undefined],
            ['Last', trigger.lastFiredAt === null ? 'never' : <RelativeTime at={trigger.lastFiredAt} />],
            ['Last time', lastWords(trigger)],
            ['Last fault', trigger.lastError === null ? undefined : <span class="why-failed">{trigger.lastError}</span>],
          ]}
        />
      </div>
    </Card>
  );
}

const missedWords: Readonly<Record<string, string>> = { one: 'one start for all', skip: 'are skipped', all: 'each is caught up' };
const overlapWords: Readonly<Record<string, string>> = {
  allow: 'the next starts too',
  skip: 'the next is skipped',
  queue: 'the next waits',
  cancel: 'it is cancelled for the next',
};

/** What became of the last time, when it was not just a start. */
function lastWords({ lastResult }: Trigger): string | undefined {
  return lastResult?.reason === undefined || lastResult.outcome === 'refused' ? undefined : `${lastResult.outcome}: ${lastResult.reason}`;
}

function listText(value: unknown): string {
  return Array.isArray(value) ? value.join(', ') : '';
}
