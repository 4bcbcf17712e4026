/** Who makes a call: parsed once by http/auth, trusted from there on. */
import type { ModelLimits } from './model-limits.ts';
import type { Role } from './values.ts';

export interface Caller {
  readonly userId: string;
  readonly orgId: string;
  readonly role: Role;
  /** Of an API key: what it may do (`noun:read|write|run`, `*`). Null: all that the role may. */
  readonly scopes: readonly string[] | null;
  readonly via: 'cookie' | 'token' | 'key';
  /** Of a session (cookie, token). */
  readonly sessionId: string | null;
  /** Of an API key. */
  readonly keyId: string | null;
  /** Of an API key: what it may use of the models. */
  readonly modelLimits?: ModelLimits;
  /** Signed in with a temporary password: only changing it works. Also sockets refuse. */
  readonly mustChangePassword?: true;
}
