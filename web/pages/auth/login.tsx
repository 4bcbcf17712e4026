/** Logging in. Stands in place of any page while nobody is signed in, so that one goes on where one was. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { signedIn } from '../../session.ts';
import { useAction } from '../../state/action.ts';
import { Field, Input } from '../../ui/field.tsx';
import { SendForm } from './form.tsx';
import { AuthFrame } from './frame.tsx';
import type { JSX } from 'preact';

export function LoginPage(props: { readonly ended: boolean }): JSX.Element {
  return (
    <AuthFrame
      title="Log in"
      lead={props.ended ? 'Your session has ended. Log in to go on where you were.' : undefined}
      foot={
        <>
          First start? Open the claim link that Studio printed; <code>studio claim</code> shows it again. Forgotten? <code>studio reset-password</code>
        </>
      }
    >
      <LoginForm email="" />
    </AuthFrame>
  );
}

/** Address and password. @param props.email known beforehand */
export function LoginForm(props: { readonly email: string }): JSX.Element {
  const email = useSignal(props.email);
  const password = useSignal('');
  const login = useAction(async () => {
    const reply = await call('POST /api/v1/auth/login', { body: { email: email.value, password: password.value } });
    signedIn(reply.user);
  });
  return (
    <SendForm action="Log in" busy={login.busy} error={login.error} onSend={() => void login.run()}>
      <Field label="E-mail">
        {(links) => (
          <Input
            {...links}
            type="email"
            name="email"
            autocomplete="username"
            required
            autofocus
            value={email.value}
            onInput={(value) => (email.value = value)}
          />
        )}
      </Field>
      <Field label="Password">
        {(links) => (
          <Input
            {...links}
            type="password"
            name="password"
            autocomplete="current-password"
            required
            value={password.value}
            onInput={(value) => (password.value = value)}
          />
        )}
      </Field>
    </SendForm>
  );
}
