/** Settings that take effect at once: the address people use, hosts that steps may reach. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input, Textarea } from '../../ui/field.tsx';
import { toast } from '../../ui/toast.tsx';
import { CardForm } from './card-form.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';
import type { Settings } from '../../../src/contract/settings.ts';

interface SettingsProps {
  readonly settings: Settings;
  readonly user: User;
  readonly onSaved: (settings: Settings) => void;
}

export function SettingsCards(props: SettingsProps): JSX.Element {
  return (
    <>
      {props.user.role === 'super_admin' && <OriginCard {...props} />}
      {props.user.role === 'super_admin' && <HostsCard {...props} />}
    </>
  );
}

function OriginCard({ settings, onSaved }: SettingsProps): JSX.Element {
  const here = new URL('./', document.baseURI).origin;
  const origin = useSignal(settings.publicOrigin ?? '');
  const save = useAction(async () => {
    onSaved(await call('PATCH /api/v1/settings', { body: { publicOrigin: origin.value.trim() === '' ? null : origin.value.trim() } }));
    toast({ text: 'Saved' });
  });
  const isChanged = origin.value.trim() !== (settings.publicOrigin ?? '');
  return (
    <CardForm
      title="Public address"
      action="Save"
      busy={save.busy}
      disabled={!isChanged}
      error={save.error}
      fields={['publicOrigin']}
      onSend={() => void save.run()}
    >
      <Field
        label="Origin"
        optional
        hint="How people reach Studio from outside. Only for links that must be absolute, such as webhooks given to others."
        fault={faultOf(save.error, 'publicOrigin')}
      >
        {(links) => <Input {...links} mono type="url" placeholder={here} value={origin.value} onInput={(value) => (origin.value = value)} />}
      </Field>
      {settings.publicOrigin !== here && origin.value !== here && (
        <div>
          <Button size="small" onClick={() => (origin.value = here)}>
            Use {here}
          </Button>
        </div>
      )}
    </CardForm>
  );
}

function HostsCard({ settings, onSaved }: SettingsProps): JSX.Element {
  const present = settings.allowedHosts.join('\n');
  const hosts = useSignal(present);
  const listed = hosts.value.split(/[\s,]+/).filter((host) => host !== '');
  const save = useAction(async () => {
    const saved = await call('PATCH /api/v1/settings', { body: { allowedHosts: listed } });
    hosts.value = saved.allowedHosts.join('\n');
    onSaved(saved);
    toast({ text: 'Saved' });
  });
  return (
    <CardForm
      title="Hosts that steps may reach"
      action="Save"
      busy={save.busy}
      disabled={hosts.value === present}
      error={save.error}
      fields={[]}
      onSend={() => void save.run()}
    >
      <Field
        label="Private hosts"
        optional
        hint="http.request reaches public addresses only. Name the private ones it may reach too, one a line: name, address, name:port, *.name."
      >
        {(links) => (
          <Textarea {...links} mono rows={4} placeholder={'ollama.lan:11434\n*.home.arpa'} value={hosts.value} onInput={(value) => (hosts.value = value)} />
        )}
      </Field>
    </CardForm>
  );
}
