/** The field that names a credential: those one may use, by name; a new one is made without leaving the form. */
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Credential } from '../../src/contract/credentials.ts';
import { call } from '../api.ts';
import { me } from '../session.ts';
import { useResource } from '../state/resource.ts';
import { Button } from '../ui/button.tsx';
import { Select } from '../ui/field.tsx';
import { CredentialDialog } from './credential-dialog.tsx';
import type { ControlProps } from './value-types.ts';
import { ValueFrame, linksOf } from './value-frame.tsx';

const SHOWN = 200;

export function CredentialField(props: ControlProps): JSX.Element {
  const { frame, value } = props;
  const [isNew, setNew] = useState(false);
  const credentials = useResource(async (signal) => (await call('GET /api/v1/credentials', { query: { limit: SHOWN }, signal })).items, []);
  const known = credentials.value ?? [];
  const current = typeof value === 'string' ? value : '';
  return (
    <ValueFrame {...frame}>
      <div class="row">
        <Select
          {...linksOf(frame)}
          disabled={frame.locked}
          value={current}
          options={[
            { value: '', label: credentials.value === undefined ? 'Loading…' : 'Pick a credential' },
            ...known.map((one) => ({ value: one.id, label: labelOf(one), disabled: !one.mayUse && one.id !== current })),
            ...(current === '' || known.some((one) => one.id === current) ? [] : [{ value: current, label: `${current} (not in this organisation)` }]),
          ]}
          onChange={(next) => props.onChange(next)}
        />
        {me.value?.role !== 'user' && (
          <Button size="small" kind="quiet" disabled={frame.locked} onClick={() => setNew(true)}>
            New credential…
          </Button>
        )}
      </div>
      {isNew && (
        <CredentialDialog
          onClose={() => setNew(false)}
          onSaved={({ id }) => {
            credentials.reload();
            props.onChange(id);
          }}
        />
      )}
    </ValueFrame>
  );
}

function labelOf({ name, state, mayUse }: Credential): string {
  if (state === 'expired') return `${name} (expired)`;
  if (state !== 'ok') return `${name} (can not be read)`;
  return mayUse ? name : `${name} (for other people)`;
}
