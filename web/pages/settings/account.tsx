/** One's own account: name, address, password, appearance. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { signedIn } from '../../session.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Field, FormRow, Input, Segmented } from '../../ui/field.tsx';
import { Card } from '../../ui/page.tsx';
import { setTheme, theme } from '../../ui/theme.ts';
import { toast } from '../../ui/toast.tsx';
import { NewPasswordField } from '../auth/password-field.tsx';
import { CardForm } from './card-form.tsx';
import type { JSX } from 'preact';
import type { User } from '../../../src/contract/auth.ts';

const roleWords = { user: 'User', admin: 'Administrator of the organisation', super_admin: 'Administrator of the machine' } as const;

export function AccountSection(props: { readonly user: User }): JSX.Element {
  return (
    <>
      <Profile user={props.user} />
      <Password />
      <Card title="Appearance">
        <FormRow title="Theme" description="Kept in this browser.">
          <Segmented
            label="Theme"
            value={theme.value}
            onChange={setTheme}
            options={[
              { value: 'dark', label: 'Dark' },
              { value: 'light', label: 'Light' },
              { value: 'system', label: 'System' },
            ]}
          />
        </FormRow>
      </Card>
    </>
  );
}

function Profile({ user }: { readonly user: User }): JSX.Element {
  const name = useSignal(user.name);
  const email = useSignal(user.email);
  const password = useSignal('');
  const changesEmail = email.value !== user.email;
  const save = useAction(async () => {
    const body = {
      ...(name.value === user.name ? {} : { name: name.value }),
      ...(changesEmail ? { email: email.value, currentPassword: password.value } : {}),
    };
    signedIn(await call('PATCH /api/v1/users/me', { body }));
    password.value = '';
    toast({ text: 'Saved' });
  });
  const isChanged = name.value !== user.name || changesEmail;
  return (
    <CardForm
      title="Profile"
      aside={
        <span class="faint small">
          {roleWords[user.role]} · {user.orgName}
        </span>
      }
      action="Save"
      disabled={!isChanged}
      busy={save.busy}
      error={save.error}
      fields={['name', 'email', 'currentPassword']}
      onSend={() => void save.run()}
    >
      <Field label="Name" fault={faultOf(save.error, 'name')}>
        {(links) => <Input {...links} autocomplete="name" required value={name.value} onInput={(value) => (name.value = value)} />}
      </Field>
      <Field label="E-mail" fault={faultOf(save.error, 'email')}>
        {(links) => <Input {...links} type="email" autocomplete="email" required value={email.value} onInput={(value) => (email.value = value)} />}
      </Field>
      {changesEmail && (
        <Field label="Current password" hint="A new address needs it." fault={faultOf(save.error, 'currentPassword')}>
          {(links) => (
            <Input {...links} type="password" autocomplete="current-password" required value={password.value} onInput={(value) => (password.value = value)} />
          )}
        </Field>
      )}
    </CardForm>
  );
}

function Password(): JSX.Element {
  const current = useSignal('');
  const next = useSignal('');
  const change = useAction(async () => {
    await call('POST /api/v1/users/me/password', { body: { currentPassword: current.value, newPassword: next.value } });
    current.value = '';
    next.value = '';
    toast({ text: 'Password changed; all other devices were logged out' });
  });
  return (
    <CardForm
      title="Password"
      action="Change password"
      disabled={current.value === '' || next.value === ''}
      busy={change.busy}
      error={change.error}
      fields={['currentPassword', 'newPassword']}
      onSend={() => void change.run()}
    >
      <Field label="Current password" fault={faultOf(change.error, 'currentPassword')}>
        {(links) => <Input {...links} type="password" autocomplete="current-password" value={current.value} onInput={(value) => (current.value = value)} />}
      </Field>
      <NewPasswordField label="New password" value={next.value} onInput={(value) => (next.value = value)} fault={faultOf(change.error, 'newPassword')} />
    </CardForm>
  );
}
