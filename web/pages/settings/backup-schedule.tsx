/** When backups are made and proved by themselves, and how many stay. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Checkbox, Field, Input, Switch } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { RelativeTime } from '../../ui/time.tsx';
import { KindField } from './backup-dialogs.tsx';
import { CardForm } from './card-form.tsx';
import type { JSX } from 'preact';
import type { BackupSettings } from '../../../src/contract/backups.ts';

interface Props {
  readonly settings: BackupSettings;
  readonly nextAt: string | null;
  readonly canBePhysical: boolean;
  readonly onSaved: () => void;
}

export function BackupSchedule({ settings, nextAt, canBePhysical, onSaved }: Props): JSX.Element {
  const draft = useSignal<BackupSettings>(settings);
  const { value } = draft;
  const set = (change: Partial<BackupSettings>): void => void (draft.value = { ...draft.peek(), ...change });
  const save = useAction(async () => {
    await call('PUT /api/v1/backups/settings', { body: draft.value });
    toast({ text: 'Saved' });
    onSaved();
  });
  const count = (label: string, at: number, onCount: (count: number) => void, hint?: string): JSX.Element => (
    <Field label={label} hint={hint}>
      {(links) => (
        <Input {...links} type="number" min={0} max={1000} value={String(at)} onInput={(text) => onCount(Math.max(0, Math.floor(Number(text) || 0)))} />
      )}
    </Field>
  );
  return (
    <CardForm
      title="Schedule"
      action="Save"
      aside={
        nextAt === null ? (
          <span class="faint">off</span>
        ) : (
          <span class="muted">
            next <RelativeTime at={nextAt} />
          </span>
        )
      }
      busy={save.busy}
      disabled={JSON.stringify(value) === JSON.stringify(settings)}
      error={save.error}
      fields={['cron', 'timezone', 'kind']}
      onSend={() => void save.run()}
    >
      <Switch label="Back up on a schedule" checked={value.enabled} onChange={(enabled) => set({ enabled })} />
      <Field label="When" hint="Minute, hour, day, month, weekday: 0 3 * * * is three in the morning, each day." fault={faultOf(save.error, 'cron')}>
        {(links) => <Input {...links} mono value={value.cron} onInput={(cron) => set({ cron })} />}
      </Field>
      <Field label="Time zone" hint="As in Europe/Berlin." fault={faultOf(save.error, 'timezone')}>
        {(links) => <Input {...links} mono value={value.timezone} onInput={(timezone) => set({ timezone })} />}
      </Field>
      <KindField value={value.kind} canBePhysical={canBePhysical} fault={faultOf(save.error, 'kind')} onChange={(kind) => set({ kind })} />
      <Checkbox label="Prove each as soon as it is made" checked={value.verify} onChange={(verify) => set({ verify })} />
      {count(
        'Prove the newest again after, days',
        value.verifyEveryDays,
        (verifyEveryDays) => set({ verifyEveryDays: Math.min(366, verifyEveryDays) }),
        '0: never',
      )}
      <div class="stack stack-tight" role="group" aria-label="Keep the newest of each">
        <span class="strong">Keep the newest of each</span>
        {count('Days', value.keep.daily, (daily) => set({ keep: { ...value.keep, daily } }))}
        {count('Weeks', value.keep.weekly, (weekly) => set({ keep: { ...value.keep, weekly } }))}
        {count('Months', value.keep.monthly, (monthly) => set({ keep: { ...value.keep, monthly } }))}
      </div>
    </CardForm>
  );
}
