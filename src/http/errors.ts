/** Anything thrown → the public error envelope. What is no AppError is a bug: logged with its cause, answered without detail. */
import { AppError, messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { errorHelp } from '../ops/help/links.ts';
import { isConnectionLoss, isCorruption } from '../store/client.ts';

/** Seconds after which a caller may try again when the database is away: PostgreSQL recovers in about one. */
const DATABASE_RETRY_S = 2;
/** A disk that fails is no matter of a second. */
const DISK_RETRY_S = 10;

/** Turns a thrown thing into an AppError, logging what someone must look at. */
export function publicError(error: unknown, context: { readonly log: Logger; readonly requestId: string; readonly route: string }): AppError {
  if (error instanceof AppError) return error;
  const { log, requestId, route } = context;
  if (isConnectionLoss(error)) {
    log.warn({ requestId, route, cause: messageOf(error) }, 'a request met a lost database connection');
    return new AppError('database_unavailable', { retryAfterS: DATABASE_RETRY_S, cause: error });
  }
  if (isDiskFull(error)) {
    log.error({ requestId, route, cause: messageOf(error) }, 'a request met a full disk');
    return new AppError('disk_full', { cause: error });
  }
  if (isDiskFailed(error)) {
    log.error({ requestId, route, cause: messageOf(error) }, 'a request met a failing disk');
    return new AppError('disk_failed', { retryAfterS: DISK_RETRY_S, cause: error });
  }
  log.error({ requestId, route, cause: describe(error) }, 'a request failed by a fault of Studio');
  return new AppError('internal', { message: `Studio failed to answer this request. Look for request ${requestId} in its log.`, cause: error });
}

/** The response of a refusal or fault. @param path of the request: below `/v1` errors have OpenAI's shape */
export function errorResponse(error: AppError, requestId: string, path = ''): Response {
  const details = error.details === undefined ? {} : { details: error.details };
  const body = path.startsWith('/v1/') ? openAiError(error) : { error: { code: error.code, message: error.message, ...details, requestId } };
  const headers: Record<string, string> = { 'content-type': 'application/json; charset=utf-8' };
  const retryAfterS = error.retryAfterS ?? (error.status === 503 || error.status === 429 ? 2 : undefined);
  Object.assign(headers, limitHeaders(error));
  // Where it stands what it means and what to do.
  headers['link'] = `<${fromPath(path, errorHelp(error.code))}>; rel="help"`;
  if (retryAfterS !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterS)));
  if (error.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer realm="studio"';
  return new Response(JSON.stringify(body), { status: error.status, headers });
}

/** A reference that leads from a request to a path of Studio's, also behind a proxy that took a prefix off which nobody told: up to the root, and down. */
function fromPath(path: string, to: string): string {
  const above = path.split('/').length - 2;
  return path.startsWith('/') ? `${above > 0 ? '../'.repeat(above) : './'}${to.slice(1)}` : to;
}

/** As clients of the OpenAI API read it. */
export function openAiError(error: AppError): {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string };
} {
  const problems = error.details?.['problems'];
  const param: unknown = Array.isArray(problems) ? (problems[0] as { path?: unknown } | undefined)?.path : undefined;
  return {
    error: {
      message: error.message,
      type: OPENAI_TYPES[error.status] ?? 'server_error',
      param: typeof param === 'string' && param !== '' ? param : null,
      code: error.code,
    },
  };
}

const OPENAI_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'invalid_request_error',
  405: 'invalid_request_error',
  413: 'invalid_request_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
};

/** How much of a limit is left, where the refusal says it. */
function limitHeaders(error: AppError): Record<string, string> {
  const headers = error.code === 'rate_limited' ? error.details?.['headers'] : undefined;
  return typeof headers === 'object' && headers !== null ? { ...(headers as Record<string, string>) } : {};
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT' || error.code === '53100');
}

/** What a disk says that fails, and what PostgreSQL says of one (class 58) or of pages that it has changed. */
function isDiskFailed(error: unknown): boolean {
  if (isCorruption(error)) return true;
  return error instanceof Error && 'code' in error && ['EIO', 'EROFS', 'ESTALE', 'ENXIO', 'ENODEV', '58000', '58030'].includes(String(error.code));
}

/** For the log: no fields of the error that may hold a caller's values (PostgreSQL's `detail` does). */
function describe(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    name: error.name,
    message: error.message,
    ...('code' in error ? { sqlState: error.code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describe(error.cause) }),
  };
}
