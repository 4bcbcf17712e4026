/** Signing in and out. The only place that sets the session cookie. */
import { authEndpoints, type SignedIn } from '../../contract/auth.ts';
import type { Caller } from '../../contract/caller.ts';
import type { Author } from '../../identity/commit.ts';
import type { Identity } from '../../identity/identity.ts';
import type { Device, SignIn } from '../../identity/sessions.ts';
import { fail } from '../../kernel/fail.ts';
import { isSecureBrowser, sessionCookie, sessionCookieOf } from '../auth.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export function authRoutes(identity: Pick<Identity, 'firstAdmins' | 'accounts' | 'sessions'>): readonly Route[] {
  return routesOf(authEndpoints, {
    'POST /api/v1/auth/claim': async (call) => signedIn(call, await identity.firstAdmins.claim(call.body, deviceOf(call))),
    'POST /api/v1/auth/login': async (call) => signedIn(call, await identity.accounts.login(call.body, deviceOf(call))),
    'POST /api/v1/auth/refresh': async (call) => {
      const { refreshToken } = call.body;
      if (refreshToken !== undefined)
        return signedIn(
          call,
          await identity.sessions.refresh(refreshToken, { actor: 'anonymous', orgId: null, address: call.address, requestId: call.requestId }),
        );
      const cookie = sessionCookieOf(call.request.headers) ?? fail('unauthenticated', 'Send the refreshToken in the body; a browser sends its cookie instead.');
      if (call.header('origin') === undefined) fail('forbidden', 'A change made with the session cookie needs an Origin header; none was sent.');
      return signedIn(call, await identity.sessions.renew(cookie));
    },
    'POST /api/v1/auth/logout': async (call) => {
      const id = call.caller.sessionId ?? fail('forbidden', 'An API key has no session to end. Delete the key instead.');
      await identity.sessions.end(call.caller, id, authorOf(call));
      return { body: undefined, headers: { 'set-cookie': sessionCookie('', { isSecure: isSecureBrowser(call.request, call.peer), maxAgeS: 0 }) } };
    },
    'GET /api/v1/auth/sessions': async (call) => ({ body: { ...(await identity.sessions.list(call.caller, call.query)), cursor: await call.cursor() } }),
    'DELETE /api/v1/auth/sessions/{id}': async (call) => {
      await identity.sessions.end(call.caller, call.params.id, authorOf(call));
      return { body: undefined };
    },
  });
}

/** The author of a change that a signed-in caller asks for. */
export function authorOf(call: { readonly caller: Caller; readonly address: string; readonly requestId: string }): Author {
  return { actor: call.caller.userId, orgId: call.caller.orgId, address: call.address, requestId: call.requestId };
}

/** From where a call signs in. */
export function deviceOf(call: Pick<Call, 'header' | 'address' | 'requestId'>): Device {
  return {
    client: call.header('x-studio-client') === 'web' ? 'web' : 'api',
    userAgent: call.header('user-agent') ?? '',
    address: call.address,
    requestId: call.requestId,
  };
}

/** The reply of signing in, with the cookie of a browser. */
export function signedIn(call: Pick<Call, 'request' | 'peer'>, { reply, cookie }: SignIn): { body: SignedIn; headers: Record<string, string> } {
  if (cookie === undefined) return { body: reply, headers: {} };
  return {
    body: reply,
    headers: { 'set-cookie': sessionCookie(cookie.value, { isSecure: isSecureBrowser(call.request, call.peer), maxAgeS: cookie.maxAgeS }) },
  };
}
