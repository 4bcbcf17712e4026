/** Making the first administrator from the claim link. The token stands after the `#`, which browsers send to nobody;
 *  it is taken out of the address at once. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../../api.ts';
import { go, href } from '../../route.ts';
import { signedIn } from '../../session.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { ButtonLink } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { claimToken } from './claim-token.ts';
import { SendForm } from './form.tsx';
import { AuthFrame } from './frame.tsx';
import { NewPasswordField } from './password-field.tsx';
import type { JSX } from 'preact';

export function ClaimPage(): JSX.Element {
  const token = useSignal(claimToken(window.location.href));
  const name = useSignal('');
  const email = useSignal('');
  const password = useSignal('');
  useEffect(() => window.history.replaceState(null, '', href('/claim')), []);
  const claim = useAction(async () => {
    const reply = await call('POST /api/v1/auth/claim', { body: { token: token.value, name: name.value, email: email.value, password: password.value } });
    go('/', { replace: true });
    signedIn(reply.user);
  });
  if (token.value === '') {
    return (
      <AuthFrame
        title="This claim link is not complete"
        lead="It ends in #token=…; copy the whole line that Studio printed, or run “studio claim” to see it again."
      >
        <div class="row">
          <ButtonLink href={href('/')}>Log in instead</ButtonLink>
        </div>
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title="Make this Studio yours" lead="You become its administrator. The link works once.">
      <SendForm action="Create the account" busy={claim.busy} error={claim.error} fields={['name', 'email', 'password']} onSend={() => void claim.run()}>
        <Field label="Name" fault={faultOf(claim.error, 'name')}>
          {(links) => <Input {...links} name="name" autocomplete="name" required autofocus value={name.value} onInput={(value) => (name.value = value)} />}
        </Field>
        <Field label="E-mail" fault={faultOf(claim.error, 'email')} hint="Your name for logging in. Nothing is sent to it.">
          {(links) => (
            <Input {...links} type="email" name="email" autocomplete="username" required value={email.value} onInput={(value) => (email.value = value)} />
          )}
        </Field>
        <NewPasswordField label="Password" value={password.value} onInput={(value) => (password.value = value)} fault={faultOf(claim.error, 'password')} />
      </SendForm>
    </AuthFrame>
  );
}
