/** The process's logger: pino, one line of JSON per event. Each line of a request carries its id. Never logs secrets or payloads: fields that hold some are
 *  left out by name, and what looks like one in a text is masked. The level may change while it runs (`log.level`). */
import { pino, type Logger, type LoggerOptions } from 'pino';
import { currentRequest } from './request-context.ts';

export type { Logger };

/** Field names whose values never reach a log, wherever they stand one level deep. */
const REDACTED = ['password', 'token', 'secret', 'authorization', 'cookie', 'key', 'accessToken', 'refreshToken', 'apiKey', 'passphrase'];

/** What looks like a secret in any text: passwords in URLs, bearer tokens, signed tokens, keys of Studio and of providers, secrets in queries. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@"\\]*):[^\s@/"\\]+@/gi, '$1:[redacted]@'],
  [/\b(Bearer|Basic)(\s+|%20|\.)[A-Za-z0-9._~+/=-]{8,}/gi, '$1 [redacted]'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)?/g, '[redacted]'],
  [/\b(sk|hf|rk|xoxb|ghp|gho|st[krc])[-_][A-Za-z0-9_-]{16,}/g, '$1-[redacted]'],
  [/([?&](?:token|key|api_key|apikey|secret|password|access_token|signature|x-amz-signature)=)[^&\s"\\]+/gi, '$1[redacted]'],
];

export function createLogger(options: { readonly level: string; readonly destination?: pino.DestinationStream }): Logger {
  const settings: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    mixin: requestOf,
    hooks: { streamWrite: maskSecrets },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

/** A new object each time: pino writes the line's own fields into it. */
function requestOf(): object {
  const request = currentRequest();
  if (request === undefined) return {};
  const { requestId, trace } = request;
  // As OpenTelemetry names them in logs, so that log stores join both by themselves.
  return trace === undefined ? { requestId } : { requestId, trace_id: trace.traceId, span_id: trace.spanId };
}

/** The text without what looks like a secret. */
export function maskSecrets(text: string): string {
  let masked = text;
  for (const [pattern, by] of SECRETS) masked = masked.replace(pattern, by);
  return masked;
}
