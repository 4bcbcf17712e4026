/** From when on an alert is told, and whom. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { Checkbox, Field, Input, Switch, Textarea } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { CardForm } from '../settings/card-form.tsx';
import type { JSX } from 'preact';
import { alertRules } from '../../../src/contract/values.ts';
import type { AlertSettings } from '../../../src/contract/alerts.ts';
import type { AlertRule } from '../../../src/contract/values.ts';

const NAMES: Readonly<Record<AlertRule, string>> = {
  api: 'Studio itself',
  database: 'Database',
  redis: 'Redis',
  workers: 'Workers',
  jobs: 'Jobs without a worker',
  disk: 'Disk',
  backup: 'Backups',
  backup_proof: 'Restores of backups',
  gpu: 'Lost GPUs',
  gpu_hot: 'Hot GPUs',
  errors: 'Failing work',
};

const NUMBERS = [
  ['databaseS', 'Database away for, seconds'],
  ['redisS', 'Redis away for, seconds'],
  ['workersS', 'No worker for, seconds'],
  ['clearS', 'Over when well for, seconds'],
  ['diskFreePercent', 'Disk: warn below, % free'],
  ['diskCriticalPercent', 'Disk: critical below, % free'],
  ['backupMaxAgeH', 'Newest backup older than, hours'],
  ['gpuTemperatureC', 'GPU hotter than, °C'],
  ['loopDelayMs', 'Event loop late by, ms'],
  ['errorRate', 'Share of work that fails, 0 to 1'],
] as const;

export function AlertSettingsForm(props: { readonly settings: AlertSettings; readonly onSaved: (settings: AlertSettings) => void }): JSX.Element {
  const { settings } = props;
  const draft = useSignal({
    enabled: settings.enabled,
    tellResolved: settings.tellResolved,
    muted: settings.muted,
    email: settings.email.join('\n'),
    url: settings.webhook?.url ?? '',
    numbers: Object.fromEntries(NUMBERS.map(([key]) => [key, String(settings[key])])),
  });
  const set = (change: Partial<typeof draft.value>): void => void (draft.value = { ...draft.value, ...change });
  const save = useAction(async () => {
    const { enabled, tellResolved, muted, email, url, numbers } = draft.value;
    const webhook =
      url.trim() === ''
        ? settings.webhook?.urlSecret === undefined
          ? null
          : settings.webhook
        : { ...settings.webhook, urlSecret: undefined, url: url.trim() };
    const body = {
      ...settings,
      ...{ enabled, tellResolved, muted: [...muted], webhook },
      email: email.split(/[\s,]+/).filter((one) => one !== ''),
      ...Object.fromEntries(Object.entries(numbers).map(([key, text]) => [key, Number(text)])),
    };
    props.onSaved(await call('PUT /api/v1/alerts/settings', { body }));
    toast({ text: 'Saved' });
  });
  const { value } = draft;
  return (
    <CardForm title="When is told, and whom" action="Save" busy={save.busy} error={save.error} fields={[]} onSend={() => void save.run()}>
      <Switch label="Look at the machine and tell what is wrong" checked={value.enabled} onChange={(enabled) => set({ enabled })} />
      <Checkbox label="Also tell when it is over" checked={value.tellResolved} onChange={(tellResolved) => set({ tellResolved })} />
      <Field label="E-mail to" optional hint="Addresses, or admins; one a line. In the app administrators always hear.">
        {(links) => <Textarea {...links} mono rows={2} value={value.email} onInput={(email) => set({ email })} />}
      </Field>
      <Field label="Webhook" optional hint={settings.webhook?.urlSecret === undefined ? 'https://…' : `The secret ${settings.webhook.urlSecret} holds it now.`}>
        {(links) => <Input {...links} mono type="url" value={value.url} onInput={(url) => set({ url })} />}
      </Field>
      <div class="service-form-grid">
        {NUMBERS.map(([key, label]) => (
          <Field key={key} label={label}>
            {(links) => <Input {...links} value={value.numbers[key] ?? ''} onInput={(text) => set({ numbers: { ...value.numbers, [key]: text } })} />}
          </Field>
        ))}
      </div>
      <fieldset class="alert-rules">
        <legend class="field-label">Looked at</legend>
        {alertRules.map((rule) => (
          <Checkbox
            key={rule}
            label={NAMES[rule]}
            checked={!value.muted.includes(rule)}
            onChange={(on) => set({ muted: on ? value.muted.filter((one) => one !== rule) : [...value.muted, rule] })}
          />
        ))}
      </fieldset>
    </CardForm>
  );
}
