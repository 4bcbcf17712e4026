/** Invitations, and the orgs a person goes between. A link is sent by e-mail from here: its text goes past the database, which holds its hash alone. */
import { inviteEndpoints, type IssuedInvite } from '../../contract/invites.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Issued } from '../../identity/invites.ts';
import { messageOf } from '../../kernel/fail.ts';
import type { Notify } from '../../notify/notify.ts';
import { routesOf, type Route } from '../route.ts';
import { authorOf, deviceOf, signedIn } from './auth.ts';

type Parts = Pick<Identity, 'invites' | 'members' | 'sessions'> & Pick<Notify, 'mailNow'>;

export function inviteRoutes({ invites, members, sessions, mailNow }: Parts): readonly Route[] {
  return routesOf(inviteEndpoints, {
    'GET /api/v1/orgs/current/invites': async (call) => ({ body: { ...(await invites.list(call.caller, call.query)), cursor: await call.cursor() } }),
    'POST /api/v1/orgs/current/invites': async (call) => ({ body: await sent(mailNow, await invites.create(call.caller, call.body, authorOf(call))) }),
    'PATCH /api/v1/orgs/current/invites/{id}': async (call) => ({
      body: await invites.changeRole(call.caller, { id: call.params.id, role: call.body.role }, authorOf(call)),
    }),
    'POST /api/v1/orgs/current/invites/{id}/resend': async (call) => ({
      body: await sent(mailNow, await invites.resend(call.caller, call.params.id, authorOf(call))),
    }),
    'DELETE /api/v1/orgs/current/invites/{id}': async (call) => {
      await invites.revoke(call.caller, call.params.id, authorOf(call));
      return { body: undefined };
    },
    'POST /api/v1/auth/invite': async (call) => {
      const { orgName, email, role, invitedBy, expiresAt } = await invites.look(call.body.token, deviceOf(call));
      return { body: { orgName, email, role, invitedBy: invitedBy.name, expiresAt: expiresAt.toISOString() } };
    },
    'POST /api/v1/auth/invite/accept': async (call) => signedIn(call, await invites.accept(call.body, deviceOf(call))),
    'POST /api/v1/auth/invite/join': async (call) => signedIn(call, await invites.join(call.caller, call.body.token, sameDevice(call))),
    'GET /api/v1/users/me/orgs': async (call) => ({ body: { items: await members.orgsOf(call.caller) } }),
    'POST /api/v1/auth/org': async (call) => signedIn(call, await sessions.switchOrg(call.caller, call.body.orgId, sameDevice(call))),
  });
}

/** A cookie's holder gets a cookie, a token's holder tokens, whatever the header says. */
function sameDevice(call: Parameters<typeof deviceOf>[0] & { readonly caller: { readonly via: string } }): ReturnType<typeof deviceOf> {
  return { ...deviceOf(call), client: call.caller.via === 'cookie' ? 'web' : 'api' };
}

async function sent(mailNow: Notify['mailNow'], issued: Issued): Promise<IssuedInvite> {
  const { invite, token, url, orgName } = issued;
  const from = oneLine(invite.invitedBy.name);
  const subject = `${from} invites you to ${oneLine(orgName)} on Studio`;
  const text = [
    `${subject}.`,
    '',
    url,
    '',
    `The link works once, for ${invite.email} alone, until ${invite.expiresAt.slice(0, 16).replace('T', ' ')} UTC.`,
    'If you do not know what this is about, do nothing.',
  ].join('\n');
  try {
    // A new link is another message: a mailbox drops what has the id of one it has.
    const mail = await mailNow({ id: `${invite.id}-${Date.parse(invite.sentAt)}`, to: invite.email, subject, text });
    return { invite, token, url, mail: mail ?? 'off' };
  } catch (error) {
    return { invite, token, url, mail: 'failed', mailFault: messageOf(error) };
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}
