/** What a shape can't say of a target: a webhook has one URL, e-mail needs a server, an address is known. Pure. */
import type { NotifyTarget } from '../contract/notifications.ts';

export interface TargetFault {
  /** Of the target: `url`, `channel`. */
  readonly field: string;
  readonly code: 'invalid_target' | 'no_smtp';
  readonly message: string;
}

export const NO_SMTP =
  'e-mail can not be sent: this Studio has no mail server; set SMTP_URL (smtps://user:password@host) and restart it, or choose another channel';

/** @returns undefined when it can be sent to */
export function targetFault(target: NotifyTarget, can: { readonly mail: boolean }): TargetFault | undefined {
  if (target.channel === 'email' && !can.mail) return { field: 'channel', code: 'no_smtp', message: NO_SMTP };
  if (target.channel === 'webhook' && (target.url === undefined) === (target.urlSecret === undefined))
    return { field: 'url', code: 'invalid_target', message: 'a webhook needs url, or urlSecret (the name of a secret that holds it), and not both' };
  return undefined;
}
