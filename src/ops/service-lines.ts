/** Words of PostgreSQL and Redis in Studio's log: what they call fatal is worth a look, the rest is for who asks for more. */
import type { Logger } from '../kernel/log.ts';

export function logLineOf(log: Logger, service: string, line: string): void {
  // Refused logins of a database that is just starting are no fault; a server that ends is.
  const isBad = /\b(PANIC|FATAL):(?!.*(starting up|shutting down|administrator command))/.test(line) || /^\d+:\w .* # (FATAL|.*(ERROR|Fatal))/.test(line);
  log[isBad ? 'warn' : 'debug']({ service, line }, 'service wrote');
}
