/** Matchers for `assert.rejects`: refusals by their code, never other faults. */
import { AppError } from '../kernel/fail.ts';

/** A refusal with this code whose message says that. */
export const refused =
  (code: string, says = /./) =>
  (error: unknown): boolean =>
    error instanceof AppError && error.code === code && says.test(error.message);
