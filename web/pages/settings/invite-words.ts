/** What is said of an invitation. Pure but for the page's own address. */
import { baseUrl } from '../../api.ts';
import type { IssuedInvite } from '../../../src/contract/invites.ts';

/** As this browser reaches Studio. The token stands behind the `#`, which goes to no server and into no log. */
export function inviteLink(token: string, base: URL = baseUrl()): string {
  return new URL(`invite#token=${token}`, base).href;
}

/** Whether the link is on its way, or has to be handed over. */
export function mailWords(issued: Pick<IssuedInvite, 'mail' | 'mailFault'> & { readonly invite: { readonly email: string } }): {
  readonly tone: 'note' | 'warn';
  readonly text: string;
} {
  const { email } = issued.invite;
  if (issued.mail === 'sent') return { tone: 'note', text: `The link was sent to ${email}. You can also hand it over yourself.` };
  if (issued.mail === 'off') return { tone: 'note', text: `No e-mail was sent: this Studio has no mail server (SMTP_URL). Give the link to ${email}.` };
  return { tone: 'warn', text: `The e-mail did not go out: ${issued.mailFault ?? 'the mail server refused it'}. Give the link to ${email} yourself.` };
}
