/** The forced change of a password that someone else set. Nothing else works before it. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { loadSession, logOut } from '../../session.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { SendForm } from './form.tsx';
import { AuthFrame } from './frame.tsx';
import { NewPasswordField } from './password-field.tsx';
import type { JSX } from 'preact';

export function NewPasswordPage(): JSX.Element {
  const current = useSignal('');
  const next = useSignal('');
  const change = useAction(async () => {
    await call('POST /api/v1/users/me/password', { body: { currentPassword: current.value, newPassword: next.value } });
    await loadSession();
  });
  const leave = useAction(logOut);
  return (
    <AuthFrame
      title="Choose your own password"
      lead="Someone else set the one you logged in with, so it has to be changed before anything else."
      foot={
        <Button kind="quiet" onClick={() => void leave.run()}>
          Log out
        </Button>
      }
    >
      <SendForm
        action="Change the password"
        busy={change.busy}
        error={change.error}
        fields={['currentPassword', 'newPassword']}
        onSend={() => void change.run()}
      >
        <Field label="Current password" fault={faultOf(change.error, 'currentPassword')}>
          {(links) => (
            <Input
              {...links}
              type="password"
              autocomplete="current-password"
              required
              autofocus
              value={current.value}
              onInput={(value) => (current.value = value)}
            />
          )}
        </Field>
        <NewPasswordField label="New password" value={next.value} onInput={(value) => (next.value = value)} fault={faultOf(change.error, 'newPassword')} />
      </SendForm>
    </AuthFrame>
  );
}
