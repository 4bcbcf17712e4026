/** What an engine in a world is given beside its rows: parts that no simulated step uses, and a log that keeps what somebody must look at. */
import type { Logger } from '../../kernel/log.ts';
import type { Database } from '../../store/client.ts';

export function unused(): never {
  throw new Error('not used in simulations');
}

export const unusedDatabase: Database = {
  engine: { query: async () => unused(), transaction: async () => unused() },
  org: unused,
  announce: () => undefined,
  onAnnounce: () => () => undefined,
  close: async () => undefined,
};

/** Keeps what says that somebody must act. */
export function keepErrors(errors: string[], of: { readonly name: string; readonly isDead: () => boolean }): Logger {
  const keep = (facts: unknown, message: string): void => {
    if (of.isDead()) return;
    const { err, cause } = (facts ?? {}) as { err?: unknown; cause?: unknown };
    errors.push(`${of.name}: ${message}: ${err instanceof Error ? (err.stack ?? err.message) : String(cause ?? '')}`);
  };
  const quiet = (): void => undefined;
  return { error: keep, warn: quiet, info: quiet, debug: quiet } as unknown as Logger;
}
