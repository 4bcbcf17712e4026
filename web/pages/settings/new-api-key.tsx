/** The dialog that makes an API key: name, what it may do, when it ends. */
import { useComputed, useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Checkbox, Field, Input, Segmented, Select } from '../../ui/field.tsx';
import { FormFault } from './card-form.tsx';
import { nounScopes, verbs } from './scopes.ts';
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';

const DAY_MS = 86_400_000;
const lives = [
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: '1 year' },
  { value: '', label: 'Never' },
] as const;

export function NewApiKey(props: { readonly onClose: () => void; readonly onMade: (key: string) => void }): JSX.Element {
  const name = useSignal('');
  const kind = useSignal<'all' | 'some'>('some');
  const chosen = useSignal<ReadonlySet<string>>(new Set(['workflows:read', 'workflows:run', 'instances:read', 'files:read', 'files:write']));
  const days = useSignal<(typeof lives)[number]['value']>('90');
  const ready = useComputed(() => name.value.trim() !== '' && (kind.value === 'all' || chosen.value.size > 0));
  const make = useAction(async () => {
    const scopes = kind.value === 'all' ? ['*'] : [...chosen.value];
    const expiry = days.value === '' ? {} : { expiresAt: new Date(Date.now() + Number(days.value) * DAY_MS).toISOString() };
    const reply = await call('POST /api/v1/api-keys', { body: { name: name.value, scopes, ...expiry } });
    props.onMade(reply.key);
  });
  return (
    <Dialog
      title="New API key"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="new-key" busy={make.busy} disabled={!ready.value}>
            Make key
          </Button>
        </>
      }
    >
      <form
        id="new-key"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void make.run();
        }}
      >
        <FormFault error={make.error} fields={['name']} />
        <Field label="Name" hint="Who or what will use it." fault={faultOf(make.error, 'name')}>
          {(links) => <Input {...links} required autofocus maxLength={200} value={name.value} onInput={(value) => (name.value = value)} />}
        </Field>
        <Field label="Ends after">{(links) => <Select {...links} value={days.value} options={lives} onChange={(value) => (days.value = value)} />}</Field>
        <div class="field">
          <div class="row">
            <span class="field-label grow">May do</span>
            <Segmented
              label="May do"
              value={kind.value}
              options={[
                { value: 'some', label: 'Chosen' },
                { value: 'all', label: 'All that I may' },
              ]}
              onChange={(value) => (kind.value = value)}
            />
          </div>
          {kind.value === 'some' && <ScopeTable chosen={chosen} />}
        </div>
      </form>
    </Dialog>
  );
}

function ScopeTable({ chosen }: { readonly chosen: Signal<ReadonlySet<string>> }): JSX.Element {
  const toggle = (scope: string): void => {
    const next = new Set(chosen.value);
    if (!next.delete(scope)) next.add(scope);
    chosen.value = next;
  };
  return (
    <table class="scopes">
      <thead>
        <tr>
          <th scope="col">Of</th>
          {verbs.map((verb) => (
            <th key={verb} scope="col">
              {verb}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {nounScopes.map((row) => (
          <tr key={row.noun}>
            <th scope="row" data-tip={row.meaning}>
              {row.noun}
            </th>
            {verbs.map((verb) => (
              <td key={verb}>
                {row.verbs.includes(verb) && (
                  <Checkbox
                    checked={chosen.value.has(`${row.noun}:${verb}`)}
                    label={<span class="visually-hidden">{`${row.noun}: ${verb}`}</span>}
                    onChange={() => toggle(`${row.noun}:${verb}`)}
                  />
                )}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
