/** What a llama child refuses because of the request: its code goes to the caller, everything else is a fault of the engine. */
import type { ErrorCode } from '../contract/error.ts';

export class Refused extends Error {
  readonly code: ErrorCode;
  constructor(message: string, code: ErrorCode = 'invalid_body') {
    super(message);
    this.code = code;
  }
}
