/** What starts the workflow by itself, as forms: schedules with their next times, webhooks with the call that fires them, forms, events, files. */
import { X } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Trigger } from '../../../src/contract/graph.ts';
import { baseUrl, call } from '../../api.ts';
import { useFormTools } from '../../form/form-context.ts';
import { SchemaForm } from '../../form/schema-form.tsx';
import { asRecord } from '../../form/value-edit.ts';
import { href } from '../../route.ts';
import { useResource } from '../../state/resource.ts';
import { IconButton } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Field, Input, Select, Switch } from '../../ui/field.tsx';
import { formatAbsolute } from '../../ui/format.ts';
import { CodeBlock } from '../../ui/log-view.tsx';
import { newKey } from '../operations/keys.ts';
import type { PaneProps } from './pane-props.ts';
import { triggerForms } from './settings-schema.ts';
import { webhookCall } from './webhook-call.ts';

const LABELS: Readonly<Record<Trigger['type'], string>> = { cron: 'Schedule', webhook: 'Webhook', form: 'Form', event: 'Event', file: 'File' };

/** What a new one begins with: right as it stands. */
function firstParams(type: Trigger['type']): Trigger['params'] {
  switch (type) {
    case 'cron':
      return { expression: '0 8 * * 1-5', timezone: Intl.DateTimeFormat().resolvedOptions().timeZone };
    case 'webhook':
      return { auth: 'none' };
    case 'form':
      return { access: 'members' };
    case 'event':
      return { types: ['engine:instance:failed'] };
    case 'file':
      return { pattern: '**' };
  }
}

export function TriggersForm(props: PaneProps & { readonly onChange: (triggers: Trigger[]) => void }): JSX.Element {
  const { document, workflow } = props;
  const { locked } = useFormTools();
  const triggers = document.definition.value.triggers ?? [];
  const add = (type: Trigger['type']): void => {
    const key = newKey(new Set(triggers.map((trigger) => trigger.key)), LABELS[type]);
    props.onChange([...triggers, { key, type, params: firstParams(type), enabled: true }]);
  };
  return (
    <>
      {triggers.length === 0 && <p class="muted small">Nothing starts it by itself: it is run by hand, by the API, or by other workflows.</p>}
      {triggers.map((trigger, index) => (
        <TriggerCard
          key={index}
          trigger={trigger}
          path={`triggers[${index}]`}
          url={workflow.triggers.find((each) => each.key === trigger.key)?.url}
          onChange={(next) => props.onChange(triggers.map((each, at) => (at === index ? next : each)))}
          onRemove={() => props.onChange(triggers.filter((_each, at) => at !== index))}
        />
      ))}
      <Select
        label="Add a trigger"
        value=""
        disabled={locked}
        options={[{ value: '', label: 'Add a trigger…' }, ...Object.entries(LABELS).map(([value, label]) => ({ value, label }))]}
        onChange={(type) => type !== '' && add(type as Trigger['type'])}
      />
    </>
  );
}

interface TriggerCardProps {
  readonly trigger: Trigger;
  readonly path: string;
  /** Of the published one; undefined: it has none yet. */
  readonly url: string | undefined;
  readonly onChange: (trigger: Trigger) => void;
  readonly onRemove: () => void;
}

function TriggerCard(props: TriggerCardProps): JSX.Element {
  const { trigger, path } = props;
  const { locked, faultAt } = useFormTools();
  const schema = triggerForms[trigger.type];
  return (
    <section class="trigger-form" aria-label={`Trigger ${trigger.key}`}>
      <div class="row">
        <span class="strong">{LABELS[trigger.type]}</span>
        <span class="grow" />
        <Switch
          hideLabel
          label={`${trigger.key} is on`}
          checked={trigger.enabled}
          disabled={locked}
          onChange={(enabled) => props.onChange({ ...trigger, enabled })}
        />
        {!locked && <IconButton size="small" label={`Remove ${trigger.key}`} icon={<X size={12} />} onClick={props.onRemove} />}
      </div>
      <Field label="Key" fault={faultAt(`${path}.key`)}>
        {(links) => (
          <Input
            {...links}
            mono
            value={trigger.key}
            maxLength={64}
            disabled={locked}
            autocomplete="off"
            onInput={(key) => props.onChange({ ...trigger, key })}
          />
        )}
      </Field>
      <SchemaForm
        root={schema}
        schema={schema}
        path={`${path}.params`}
        value={trigger.params}
        onChange={(params) => props.onChange({ ...trigger, params: params as Trigger['params'] })}
      />
      {trigger.type === 'cron' && <NextTimes params={trigger.params} />}
      {(trigger.type === 'webhook' || trigger.type === 'form') && <TriggerUrl trigger={trigger} url={props.url} />}
    </section>
  );
}

const PAUSE_MS = 300;

/** A value once it has not changed for a moment. */
function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function NextTimes(props: { readonly params: Trigger['params'] }): JSX.Element | null {
  const expression = useSettled(String(props.params['expression'] ?? ''));
  const timezone = useSettled(String(props.params['timezone'] ?? 'UTC'));
  const found = useResource(
    async (signal) => await call('GET /api/v1/triggers/next-times', { query: { expression, timezone }, signal }),
    [expression, timezone],
    {
      enabled: expression !== '',
    },
  );
  if (found.value === undefined) return null;
  const { times, problem } = found.value;
  if (problem !== null) {
    return (
      <p class="field-fault" role="status">
        {problem.message}
      </p>
    );
  }
  return (
    <div class="next-times" role="status">
      <div class="field-label">Next</div>
      <ol>
        {times.map((at) => (
          <li key={at} class="figures">
            {formatAbsolute(Date.parse(at), { timeZone: timezone })}
          </li>
        ))}
      </ol>
    </div>
  );
}

function TriggerUrl(props: { readonly trigger: Trigger; readonly url: string | undefined }): JSX.Element {
  const { trigger } = props;
  if (props.url === undefined) return <p class="muted small">It gets its URL when it is published.</p>;
  const url = new URL(props.url.replace(/^\//, ''), baseUrl()).href;
  if (trigger.type === 'form') return <a href={href(props.url)}>Open the form</a>;
  return (
    <div class="stack">
      <div class="row">
        <code class="truncate">{url}</code>
        <CopyButton text={url} label="Copy the URL" />
      </div>
      <CodeBlock wrap text={webhookCall(url, asRecord(trigger.params))} label="How to call it" />
    </div>
  );
}
