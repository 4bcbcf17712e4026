/** The session as the whole page sees it: who is signed in, or why nobody is. Knows no page; the shell shows what it says. */
import { computed, signal } from '@preact/signals';
import { ApiError, asApiError, call, watchSession } from './api.ts';
import type { ReadonlySignal } from '@preact/signals';
import type { User } from '../src/contract/auth.ts';

/** `unknown` until Studio answered; `ended`: it was there and is over; `password`: it must be changed before anything else. */
export type SessionState =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unreachable'; readonly error: ApiError }
  | { readonly kind: 'none' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'password' }
  | { readonly kind: 'active'; readonly user: User };

const state = signal<SessionState>({ kind: 'unknown' });

export const session: ReadonlySignal<SessionState> = state;

/** Who is signed in; undefined when nobody is. */
export const me: ReadonlySignal<User | undefined> = computed(() => (state.value.kind === 'active' ? state.value.user : undefined));

// The cookie lives for weeks of absence; renewing it this often keeps it alive for whoever comes back daily.
const RENEW_AFTER_MS = 86_400_000;
const RENEWED_KEY = 'studio.renewed';

/** Asks Studio who is signed in. Never throws: what went wrong is the state. */
export async function loadSession(): Promise<void> {
  try {
    signedIn(await call('GET /api/v1/users/me', {}));
    await renewCookie();
  } catch (error) {
    const fault = asApiError(error);
    if (fault.code === 'password_change_required') state.value = { kind: 'password' };
    else if (fault.status === 401) sessionEnded();
    else if (state.value.kind !== 'active') state.value = { kind: 'unreachable', error: fault };
  }
}

/** Makes the session's cookie last again, at most once a day. What goes wrong shows with the next call. */
async function renewCookie(): Promise<void> {
  const nowMs = Date.now();
  if (state.value.kind !== 'active' || nowMs - Number(localStorage.getItem(RENEWED_KEY)) < RENEW_AFTER_MS) return;
  localStorage.setItem(RENEWED_KEY, String(nowMs));
  await call('POST /api/v1/auth/refresh', { body: {} }).catch(() => localStorage.removeItem(RENEWED_KEY));
}

/** Logging in, claiming and changing one's account give the user. */
export function signedIn(user: User): void {
  state.value = user.passwordChangeRequired ? { kind: 'password' } : { kind: 'active', user };
}

/** Called on any 401 and when the socket says so. */
export function sessionEnded(): void {
  state.value = { kind: state.value.kind === 'active' || state.value.kind === 'ended' ? 'ended' : 'none' };
}

/** Ends the session here and at the server. @throws ApiError when the server did not hear of it */
export async function logOut(): Promise<void> {
  try {
    await call('POST /api/v1/auth/logout', {});
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
  }
  state.value = { kind: 'none' };
}

watchSession(sessionEnded);
