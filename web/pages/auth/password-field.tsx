/** A field for a new password: shown on request, with its rule in words. */
import { useSignal } from '@preact/signals';
import { Eye, EyeOff } from 'lucide-preact';
import { IconButton } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import type { JSX } from 'preact';

// The server's own limits (contract/auth); it refuses, this only tells early.
const MIN_LENGTH = 8;
const MAX_LENGTH = 256;

export function NewPasswordField(props: {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly fault?: string | undefined;
}): JSX.Element {
  const shown = useSignal(false);
  const missing = MIN_LENGTH - props.value.length;
  const hint = props.value === '' || missing <= 0 ? `At least ${MIN_LENGTH} characters. Length counts more than signs.` : `${missing} more`;
  return (
    <Field label={props.label} hint={hint} fault={props.fault}>
      {(links) => (
        <div class="row">
          <Input
            {...links}
            type={shown.value ? 'text' : 'password'}
            name="new-password"
            autocomplete="new-password"
            required
            minLength={MIN_LENGTH}
            maxLength={MAX_LENGTH}
            value={props.value}
            onInput={props.onInput}
          />
          <IconButton
            label={shown.value ? 'Hide the password' : 'Show the password'}
            icon={shown.value ? <EyeOff size={14} /> : <Eye size={14} />}
            onClick={() => (shown.value = !shown.value)}
          />
        </div>
      )}
    </Field>
  );
}
