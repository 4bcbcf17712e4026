/** Lines of a log, read and judged: Studio's own (JSON) and those of services (text). Pure. */
import type { LogLevel } from '../contract/values.ts';
import { logLevels } from '../contract/values.ts';
import type { Json } from '../contract/endpoint.ts';

export interface ReadLine {
  /** When it was written; null where it does not say. */
  readonly at: string | null;
  readonly level: LogLevel | null;
  readonly message: string;
  readonly requestId: string | null;
  /** Whose words Studio hands on: postgres, redis, … */
  readonly service: string | null;
  /** The other facts of the line. */
  readonly fields: Readonly<Record<string, Json>>;
}

export interface LineFilter {
  /** This level and what is worse. */
  readonly level?: LogLevel | undefined;
  readonly service?: string | undefined;
  /** Anywhere in the line, in either case. */
  readonly text?: string | undefined;
  readonly requestId?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
}

export function readLine(text: string): ReadLine {
  if (text.startsWith('{')) {
    try {
      const { level, time, msg, requestId, service, ...fields } = JSON.parse(text) as Record<string, Json>;
      const word = (value: Json | undefined): string | null => (typeof value === 'string' ? value : null);
      return { at: word(time), level: asLevel(word(level)), message: word(msg) ?? '', requestId: word(requestId), service: word(service), fields };
    } catch {
      // A torn line is shown as it is.
    }
  }
  return { at: timeOf(text), level: levelWord(text), message: text, requestId: null, service: null, fields: {} };
}

/** Whether a line is to be shown. A line that does not tell its time or level passes a filter on time and fails one on level. */
export function matches(line: ReadLine, raw: string, filter: LineFilter): boolean {
  if (filter.level !== undefined && (line.level === null || logLevels.indexOf(line.level) < logLevels.indexOf(filter.level))) return false;
  if (filter.service !== undefined && line.service !== filter.service) return false;
  if (filter.requestId !== undefined && line.requestId !== filter.requestId) return false;
  if (filter.text !== undefined && !raw.toLowerCase().includes(filter.text.toLowerCase())) return false;
  const atMs = line.at === null ? undefined : Date.parse(line.at);
  if (atMs === undefined || Number.isNaN(atMs)) return true;
  return atMs >= (filter.sinceMs ?? -Infinity) && atMs <= (filter.untilMs ?? Infinity);
}

function asLevel(word: string | null): LogLevel | null {
  return logLevels.find((level) => level === word) ?? null;
}

/** ISO 8601 or PostgreSQL's `2026-11-22 01:02:03.123 UTC` at the beginning. */
function timeOf(text: string): string | null {
  const found = /^\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?:Z| UTC|\+00:00)?/.exec(text);
  if (found === null) return null;
  const at = new Date(`${found[1]}T${found[2]}Z`);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

const WORDS: readonly (readonly [RegExp, LogLevel])[] = [
  [/\b(FATAL|PANIC|CRITICAL)\b/, 'fatal'],
  [/\b(ERROR|Error|ERR)\b/, 'error'],
  [/\b(WARNING|WARN|warning)\b/, 'warn'],
  [/\bDEBUG\b/, 'debug'],
];

function levelWord(text: string): LogLevel | null {
  const head = text.slice(0, 200);
  return WORDS.find(([pattern]) => pattern.test(head))?.[1] ?? null;
}
