/** AppError: a refusal or fault that a caller may see. The public part is code, message and details; `cause` stays private. */
import { errorCodes, type ErrorCode } from '../contract/error.ts';

export interface FailOptions {
  /** Names the thing, the value, the limit and the next step. Default: the remedy of the code. */
  readonly message?: string;
  /** Machine-readable facts for the caller. Never secrets. */
  readonly details?: Record<string, unknown>;
  readonly cause?: unknown;
  /** Seconds; becomes the Retry-After header. */
  readonly retryAfterS?: number;
}

export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown> | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, options: FailOptions = {}) {
    super(options.message ?? errorCodes[code].remedy, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
    this.retryAfterS = options.retryAfterS;
  }

  /** HTTP status of this error's code. */
  get status(): number {
    return errorCodes[this.code].status;
  }
}

/** Refuses: throws the AppError of `code`. */
export function fail(code: ErrorCode, options: FailOptions | string = {}): never {
  throw new AppError(code, typeof options === 'string' ? { message: options } : options);
}

/** The message of anything thrown, for logs and for a cause shown to an operator. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
