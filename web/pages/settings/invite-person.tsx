/** The dialog that invites a person: it ends with a link, shown this once, and says whether it went out by e-mail. */
import { useSignal } from '@preact/signals';
import { call } from '../../api.ts';
import { faultOf, useAction } from '../../state/action.ts';
import { Button } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field, Input } from '../../ui/field.tsx';
import { CodeBlock } from '../../ui/log-view.tsx';
import { Banner } from '../../ui/views.tsx';
import { FormFault } from './card-form.tsx';
import { inviteLink, mailWords } from './invite-words.ts';
import { RoleField } from './role-field.tsx';
import type { JSX } from 'preact';
import type { IssuedInvite } from '../../../src/contract/invites.ts';
import type { Role } from '../../../src/contract/values.ts';

export function InvitePerson(props: { readonly ownRole: Role; readonly onClose: () => void }): JSX.Element {
  const email = useSignal('');
  const role = useSignal<Role>('user');
  const issued = useSignal<IssuedInvite | undefined>(undefined);
  const send = useAction(async () => {
    issued.value = await call('POST /api/v1/orgs/current/invites', { body: { email: email.value, role: role.value } });
  });
  if (issued.value !== undefined) return <InviteLink issued={issued.value} onClose={props.onClose} />;
  return (
    <Dialog
      title="Invite a person"
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button kind="primary" type="submit" form="invite-person" busy={send.busy} disabled={email.value === ''}>
            Invite
          </Button>
        </>
      }
    >
      <form
        id="invite-person"
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void send.run();
        }}
      >
        <FormFault error={send.error} fields={['email']} />
        <Field label="E-mail" hint="The link works once, for this address alone, for seven days." fault={faultOf(send.error, 'email')}>
          {(links) => <Input {...links} type="email" required autofocus value={email.value} onInput={(value) => (email.value = value)} />}
        </Field>
        <RoleField role={role} own={props.ownRole} />
      </form>
    </Dialog>
  );
}

/** The link of an invitation, which nothing shows a second time. */
export function InviteLink(props: { readonly issued: IssuedInvite; readonly onClose: () => void }): JSX.Element {
  const { issued } = props;
  const link = inviteLink(issued.token);
  const words = mailWords(issued);
  return (
    <Dialog
      title={`${issued.invite.email} is invited`}
      onClose={props.onClose}
      actions={
        <>
          <CopyButton text={link} words="Copy link" />
          <Button kind="primary" onClick={props.onClose}>
            Done
          </Button>
        </>
      }
    >
      <div class="stack">
        <Banner tone={words.tone}>{words.text}</Banner>
        <p class="muted">The link is shown this once; a new one can be made at any time, and voids it.</p>
        <CodeBlock label="Invitation link" text={link} wrap />
      </div>
    </Dialog>
  );
}
