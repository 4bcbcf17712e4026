/** Accepting an invitation: as somebody new, or with one's own account. The token stands after the `#`, which browsers send to nobody; it is
 *  taken out of the address at once and kept by this page alone, also while one logs in. */
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../../api.ts';
import { live } from '../../connection.ts';
import { go, href } from '../../route.ts';
import { logOut, me, signedIn } from '../../session.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { beginAnew } from '../../state/orgs.ts';
import { useResource } from '../../state/resource.ts';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { Skeleton } from '../../ui/views.tsx';
import { claimToken } from './claim-token.ts';
import { SendForm } from './form.tsx';
import { AuthFrame } from './frame.tsx';
import { LoginForm } from './login.tsx';
import { NewPasswordField } from './password-field.tsx';
import type { JSX } from 'preact';
import type { ReplyOf } from '../../../src/contract/index.ts';

type Looked = ReplyOf<'POST /api/v1/auth/invite'>;

const token = signal('');
/** While the page begins anew: the session before is over by then, which is no news. */
const leaving = signal(false);

export function InvitePage(): JSX.Element {
  useEffect(() => {
    const given = claimToken(window.location.href);
    if (given === '') return;
    token.value = given;
    window.history.replaceState(null, '', href('/invite'));
  }, []);
  const looked = useResource((stop) => call('POST /api/v1/auth/invite', { body: { token: token.value }, signal: stop }), [token.value], {
    enabled: token.value !== '',
  });
  if (leaving.value) return <Skeleton rows={6} label="Opening the organisation" />;
  if (token.value === '' && claimToken(window.location.href) === '') return <NoInvite message="It ends in #token=…; copy the whole line you were sent." />;
  if (looked.error !== undefined) return <NoInvite message={looked.error.message} />;
  if (looked.value === undefined) return <Skeleton rows={6} label="Looking at the invitation" />;
  return me.value === undefined ? <Newcomer invite={looked.value} /> : <Join invite={looked.value} email={me.value.email} />;
}

function NoInvite(props: { readonly message: string }): JSX.Element {
  return (
    <AuthFrame title="This invitation can’t be used" lead={props.message}>
      <div class="row">
        <ButtonLink href={href('/')}>Go to Studio</ButtonLink>
      </div>
    </AuthFrame>
  );
}

/** Nobody is signed in: an account is made, or one's own is used. */
function Newcomer({ invite }: { readonly invite: Looked }): JSX.Element {
  const hasAccount = useSignal(false);
  const lead = `${invite.invitedBy} invites you as ${invite.email}.`;
  return (
    <AuthFrame
      title={`Join ${invite.orgName}`}
      lead={hasAccount.value ? `${lead} Log in, then join.` : lead}
      foot={
        <Button kind="quiet" onClick={() => (hasAccount.value = !hasAccount.value)}>
          {hasAccount.value ? 'I am new here' : 'I have an account'}
        </Button>
      }
    >
      {hasAccount.value ? <LoginForm email={invite.email} /> : <NewAccount invite={invite} />}
    </AuthFrame>
  );
}

function NewAccount({ invite }: { readonly invite: Looked }): JSX.Element {
  const name = useSignal('');
  const password = useSignal('');
  const accept = useAction(async () => {
    const reply = await call('POST /api/v1/auth/invite/accept', { body: { token: token.value, name: name.value, password: password.value } });
    token.value = '';
    go('/', { replace: true });
    signedIn(reply.user);
  });
  return (
    <SendForm action="Create the account" busy={accept.busy} error={accept.error} fields={['name', 'password']} onSend={() => void accept.run()}>
      <Field label="E-mail" hint="Your name for logging in.">
        {(links) => <Input {...links} type="email" name="email" autocomplete="username" readOnly value={invite.email} onInput={() => undefined} />}
      </Field>
      <Field label="Name" fault={faultOf(accept.error, 'name')}>
        {(links) => <Input {...links} name="name" autocomplete="name" required autofocus value={name.value} onInput={(value) => (name.value = value)} />}
      </Field>
      <NewPasswordField label="Password" value={password.value} onInput={(value) => (password.value = value)} fault={faultOf(accept.error, 'password')} />
    </SendForm>
  );
}

/** Somebody is signed in: it is theirs, or another's. */
function Join({ invite, email }: { readonly invite: Looked; readonly email: string }): JSX.Element {
  const join = useAction(async () => {
    live.stop();
    leaving.value = true;
    try {
      await call('POST /api/v1/auth/invite/join', { body: { token: token.value } });
      beginAnew();
    } catch (error) {
      leaving.value = false;
      live.start();
      throw error;
    }
  });
  if (invite.email.toLowerCase() !== email.toLowerCase())
    return (
      <AuthFrame title="This invitation is for somebody else" lead={`It is for ${invite.email}; you are signed in as ${email}.`}>
        <div class="row">
          <Button kind="primary" onClick={() => void logOut().catch(() => undefined)}>
            Log out and go on
          </Button>
          <ButtonLink href={href('/')}>Stay signed in</ButtonLink>
        </div>
      </AuthFrame>
    );
  return (
    <AuthFrame
      title={`Join ${invite.orgName}`}
      lead={`${invite.invitedBy} invites you. You stay in the organisations you are in and go between them in the menu of your account.`}
    >
      <SendForm action={`Join ${invite.orgName}`} busy={join.busy} error={join.error} onSend={() => void join.run()}>
        <p class="muted">Signed in as {email}.</p>
      </SendForm>
    </AuthFrame>
  );
}
