/** Why a download could not go on, in a word and a sentence, and whether trying again may help. */
import { AppError, messageOf } from '../kernel/fail.ts';

export type DownloadFaultCode =
  | 'denied'
  | 'not_found'
  | 'rate_limited'
  | 'unreachable'
  | 'html_page'
  | 'size_mismatch'
  | 'hash_mismatch'
  | 'changed'
  | 'refused'
  | 'disk_full'
  | 'broken_model';

export class DownloadFault extends Error {
  override readonly name = 'DownloadFault';
  readonly code: DownloadFaultCode;
  /** The same request may be answered differently later. */
  readonly isTransient: boolean;
  /** Not before so long; 0: the server did not say. */
  readonly retryAfterMs: number;
  constructor(
    code: DownloadFaultCode,
    message: string,
    options: { readonly isTransient?: boolean; readonly retryAfterMs?: number; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.isTransient = options.isTransient ?? false;
    this.retryAfterMs = options.retryAfterMs ?? 0;
  }
}

/** A server may ask for patience; not for a day. */
const MAX_RETRY_AFTER_MS = 300_000;

/** What a status that is no success means. @param what the file, for the message */
export function faultOfStatus(
  status: number,
  at: { readonly host: string; readonly what: string; readonly retryAfter: string | undefined; readonly hasToken: boolean },
): DownloadFault {
  const said = `${at.host} answered ${status} for ${at.what}`;
  if (status === 401 || status === 403) {
    const next = at.hasToken
      ? 'the token HF_TOKEN may not read it: accept the terms of the repository on its page, or use a token that may'
      : 'it is private or gated: accept its terms on its page, then set the secret HF_TOKEN';
    return new DownloadFault('denied', `${said}: ${next}`);
  }
  if (status === 404 || status === 410) return new DownloadFault('not_found', `${said}: there is no such repository, revision or file; check the spelling`);
  if (status === 429) return new DownloadFault('rate_limited', `${said}: too many requests`, { isTransient: true, retryAfterMs: retryAfterMs(at.retryAfter) });
  if (status >= 500 || status === 408 || status === 425)
    return new DownloadFault('unreachable', `${said}; it may do better later`, { isTransient: true, retryAfterMs: retryAfterMs(at.retryAfter) });
  return new DownloadFault('refused', `${said}, which is no file`);
}

function retryAfterMs(text: string | undefined): number {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Math.min(MAX_RETRY_AFTER_MS, Number(text) * 1_000) : 0;
}

/** Anything thrown on the way as a fault. */
export function asDownloadFault(error: unknown): DownloadFault {
  if (error instanceof DownloadFault) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'egress_refused') return new DownloadFault('refused', messageOf(error), { cause: error });
  if (code === 'ENOSPC' || code === 'EDQUOT' || (error instanceof AppError && error.code === 'disk_full'))
    return new DownloadFault('disk_full', 'The disk of the workspace is full; what came is kept. Free space, then resume', { cause: error });
  return new DownloadFault('unreachable', messageOf(error), { isTransient: true, cause: error });
}
