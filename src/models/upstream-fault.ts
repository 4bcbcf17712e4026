/** What a fault of a model's server means for who asked: a refusal they can act on, with the code of the API. Pure. */
import { AppError } from '../kernel/fail.ts';
import { UpstreamError } from './upstream.ts';

/** @returns an AppError where it is one of ours or an UpstreamError; anything else as it is: a bug, or the reason of an abort
 *  @param model as the caller wrote it */
export function publicFault(error: unknown, model: string): unknown {
  if (error instanceof AppError && error.code === 'not_found') return new AppError('model_not_found', { message: error.message, cause: error });
  if (!(error instanceof UpstreamError)) return error;
  const { fault, message, status, retryAfterMs } = error;
  const about = `The server of "${model}": ${message}`;
  if (fault === 'overloaded') return new AppError('rate_limited', { message: `${about}.`, cause: error, retryAfterS: (retryAfterMs ?? 2_000) / 1_000 });
  // What it says of the request is for who wrote the request; that it knows no such model is not.
  if (fault === 'refused' && status === 413) return new AppError('too_large', { message: about, cause: error });
  if (fault === 'refused' && status !== 404) return new AppError('invalid_body', { message: about, cause: error });
  const next = fault === 'denied' ? '; an administrator should look at its settings' : '';
  return new AppError('upstream_failed', { message: `${about}${next}.`, cause: error });
}
