/** Who may open the page of a service: by a ticket in its address, by their session, or by a key; and whose foreign pages may not act for them.
 *  Studio's credentials are named here so that they never arrive at the service. */
import type { Caller } from '../contract/caller.ts';
import type { ServiceDefinition } from '../contract/services.ts';
import type { Credentials } from '../identity/credentials.ts';
import type { SessionEnd } from '../identity/identity.ts';
import { isApiKey } from '../identity/tokens.ts';
import { fail } from '../kernel/fail.ts';
import { credentialsOf } from './auth.ts';
import type { Peer } from './peer.ts';
import { parseServicePath } from './service-path.ts';
import type { Tickets } from './service-tickets.ts';

/** Who asks, and how they showed it. */
export interface Admitted {
  readonly caller: Caller;
  readonly via: 'ticket' | 'cookie' | 'bearer';
  readonly credentials: Credentials;
  /** Headers that held the credential. */
  readonly spent: readonly string[];
}

type Page = NonNullable<ServiceDefinition['page']>;

export interface Admission {
  /** @throws AppError unauthenticated, forbidden, password_change_required; not_found for an address that is none */
  admit(url: string, headers: Headers): Promise<Admitted>;
  /** Refuses what a foreign page sends along with somebody's cookie. @throws AppError forbidden */
  refuseForeign(admitted: Admitted, page: Page, request: { readonly method: string; readonly headers: Headers; readonly peer: Peer }): void;
}

export function createAdmission({
  tickets,
  authenticate,
  isTrustedOrigin,
}: {
  readonly tickets: Pick<Tickets, 'redeem'>;
  readonly authenticate: (credentials: Credentials) => Promise<Caller | null>;
  readonly isTrustedOrigin: (origin: string, host: string) => boolean;
}): Admission {
  async function admit(url: string, headers: Headers): Promise<Admitted> {
    const { name, ticket } = parseServicePath(url) ?? fail('not_found');
    const held = ticket === undefined ? undefined : tickets.redeem(name, ticket);
    if (held !== undefined) return { ...(await signedIn(held)), via: 'ticket', credentials: held, spent: await studioCredentials(headers) };
    const credentials = credentialsOf(headers) ?? fail('unauthenticated', 'Sign in to Studio to open this page.');
    const spent = credentials.kind === 'cookie' ? [] : ['authorization', 'x-api-key'];
    return { ...(await signedIn(credentials)), via: credentials.kind, credentials, spent };
  }

  async function signedIn(credentials: Credentials): Promise<{ readonly caller: Caller }> {
    const caller = (await authenticate(credentials)) ?? fail('unauthenticated', 'This session is over. Sign in to Studio again.');
    if (caller.mustChangePassword === true) fail('password_change_required');
    if (caller.scopes !== null && !caller.scopes.includes('*') && !caller.scopes.includes('machine:run'))
      fail('forbidden', `Opening the page of a service needs the API-key scope machine:run; this key has ${caller.scopes.join(', ')}.`);
    return { caller };
  }

  /** A service may have tokens of its own; one of Studio's, sent to it by mistake or by a script, must not arrive there. */
  async function studioCredentials(headers: Headers): Promise<string[]> {
    const bearer = /^Bearer +([^\s,]+)$/i.exec(headers.get('authorization') ?? '')?.[1];
    const isOurs = bearer !== undefined && (await authenticate({ kind: 'bearer', value: bearer })) !== null;
    return [...(isOurs ? ['authorization'] : []), ...(isApiKey(headers.get('x-api-key') ?? '') ? ['x-api-key'] : [])];
  }

  function refuseForeign(
    admitted: Admitted,
    page: Page,
    { method, headers, peer }: { readonly method: string; readonly headers: Headers; readonly peer: Peer },
  ): void {
    const origin = headers.get('origin');
    if (admitted.via === 'bearer') return;
    if (admitted.via === 'ticket' && (origin === null || origin === 'null')) return;
    if (origin === null && ['GET', 'HEAD'].includes(method) && headers.get('upgrade') === null) return;
    if (origin !== null && isTrustedOrigin(origin, peer.host) && (page.isolation === 'trusted' || ['GET', 'HEAD'].includes(method))) return;
    fail('forbidden', `The origin "${(origin ?? 'none').slice(0, 200)}" may not use this service with a session of Studio.`);
  }

  return { admit, refuseForeign };
}

/** Whether the end of a session, or of rights, is this caller's. */
export function concerns(end: SessionEnd, caller: Caller): boolean {
  if (end.sessionId !== undefined) return caller.sessionId === end.sessionId;
  return end.keyId !== undefined ? caller.keyId === end.keyId : caller.userId === end.userId;
}
