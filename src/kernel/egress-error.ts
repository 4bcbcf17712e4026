/** Faults of calls to the outside, and refusals of them. */

/** A refusal or fault of the exchange. `code`: egress_refused, egress_failed, egress_timeout, reply_too_large. */
export class EgressError extends Error {
  override readonly name = 'EgressError';
  readonly code: 'egress_refused' | 'egress_failed' | 'egress_timeout' | 'reply_too_large';
  constructor(code: EgressError['code'], message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}
