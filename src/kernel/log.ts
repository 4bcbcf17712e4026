/** The process's logger: pino, one line of JSON per event on stdout. Never logs secrets or payloads. */
import { pino, type Logger, type LoggerOptions } from 'pino';

export type { Logger };

/** Field names whose values never reach a log, wherever they stand one level deep. */
const REDACTED = ['password', 'token', 'secret', 'authorization', 'cookie', 'key', 'accessToken', 'refreshToken'];

export function createLogger(options: { readonly level: string; readonly destination?: pino.DestinationStream }): Logger {
  const settings: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}
