/** Maintenance: a line above everybody's pages, or the door shut for all but super administrators. What runs goes on either way. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { useAction } from '../../state/action.ts';
import { Field, Input, Segmented } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { CardForm } from './card-form.tsx';
import type { JSX } from 'preact';
import type { Maintenance } from '../../../src/contract/maintenance.ts';

const MODES = [
  { value: 'off', label: 'Off' },
  { value: 'warned', label: 'Warn' },
  { value: 'on', label: 'Keep out' },
] as const satisfies readonly { readonly value: Maintenance['mode']; readonly label: string }[];

const ABOUT: Readonly<Record<Maintenance['mode'], string>> = {
  off: 'Everybody works.',
  warned: 'A line above every page tells people what is coming.',
  on: 'Calls of all but super administrators, webhooks and forms are answered with 503. Triggers, instances and jobs go on.',
};

const DONE: Readonly<Record<Maintenance['mode'], string>> = { off: 'Maintenance is over', warned: 'People are warned', on: 'People are kept out' };

/** @param props.state as health tells it: the card is made anew when it changes */
export function MaintenanceCard(props: { readonly state: Maintenance }): JSX.Element {
  const mode = useSignal(props.state.mode);
  const message = useSignal(props.state.message ?? '');
  const save = useAction(async () => {
    await call('PUT /api/v1/system/maintenance', { body: { mode: mode.value, message: message.value.trim() === '' ? null : message.value } });
    toast({ text: DONE[mode.value] });
  });
  const isSame = mode.value === props.state.mode && message.value === (props.state.message ?? '');
  return (
    <CardForm title="Maintenance" action="Set" busy={save.busy} disabled={isSame} error={save.error} fields={['message']} onSend={() => void save.run()}>
      <Segmented label="Maintenance" value={mode.value} options={MODES} onChange={(value) => (mode.value = value)} />
      <p class="muted">{ABOUT[mode.value]}</p>
      {mode.value !== 'off' && (
        <Field label="What people read" optional>
          {(links) => (
            <Input
              {...links}
              maxLength={500}
              placeholder="A new disk is built in; back at 18:00"
              value={message.value}
              onInput={(value) => (message.value = value)}
            />
          )}
        </Field>
      )}
    </CardForm>
  );
}
