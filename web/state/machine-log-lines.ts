/** Lines of the machine's log as they are shown: read from what the socket sends, judged by the filter, and put into one line of text with colours. Pure. */
import { formatClockSeconds } from '../ui/format.ts';
import { logLevels } from '../../src/contract/values.ts';
import type { LogLine } from '../../src/contract/logs.ts';
import type { LogLevel } from '../../src/contract/values.ts';

export type ShownLine = Pick<LogLine, 'at' | 'level' | 'message' | 'requestId' | 'service' | 'fields'>;

export interface LogQuery {
  readonly service: string;
  readonly level: LogLevel | undefined;
  readonly text: string;
  readonly requestId: string;
  /** Of the past; what comes is always newer. */
  readonly since: string | undefined;
  /** What lies around this time is shown, and nothing live. */
  readonly atMs: number | undefined;
}

/** A line that is no JSON is a service's own words. */
export function lineOf(text: string): ShownLine {
  try {
    const { level, time, msg, requestId, service, ...fields } = JSON.parse(text) as Record<string, LogLine['fields'][string]>;
    const word = (value: unknown): string | null => (typeof value === 'string' ? value : null);
    if (typeof msg === 'string')
      return {
        at: word(time),
        level: logLevels.find((one) => one === level) ?? null,
        message: msg,
        requestId: word(requestId),
        service: word(service),
        fields,
      };
  } catch {
    // A service writes as it likes.
  }
  return { at: null, level: null, message: text, requestId: null, service: null, fields: {} };
}

/** As the server judges, for lines that come live. */
export function passes(line: ShownLine, raw: string, query: LogQuery): boolean {
  if (query.level !== undefined && (line.level === null || logLevels.indexOf(line.level) < logLevels.indexOf(query.level))) return false;
  if (query.requestId !== '' && line.requestId !== query.requestId) return false;
  if (['postgres', 'redis'].includes(query.service) && line.service !== null && line.service !== query.service) return false;
  if (['postgres', 'redis'].includes(query.service) && line.service === null) return false;
  return query.text === '' || raw.toLowerCase().includes(query.text.toLowerCase());
}

const COLORS: Readonly<Record<LogLevel, string>> = { debug: '90', info: '36', warn: '33', error: '31', fatal: '35' };

/** One line: time, level, words, facts; with the colours of a terminal. */
export function shownText({ at, level, message, requestId, service, fields }: ShownLine): string {
  const facts = [
    ...(service === null ? [] : [['service', service] as const]),
    ...Object.entries(fields),
    ...(requestId === null ? [] : [['request', requestId] as const]),
  ];
  const time = at === null ? '' : `\u001B[90m${formatClockSeconds(Date.parse(at), true)}\u001B[0m `;
  const word = level === null ? '' : `\u001B[${COLORS[level]}m${level.padEnd(5)}\u001B[0m `;
  const rest = facts.map(([name, value]) => `  \u001B[90m${name}=\u001B[0m${typeof value === 'string' ? value : JSON.stringify(value)}`).join('');
  return `${time}${word}${message}${rest}`.replaceAll('\n', '⏎ ');
}

/** When each line was written, for finding a time among them: never falling; a line without a time has that of the one before. */
export function timesOf(lines: readonly Pick<ShownLine, 'at'>[]): readonly number[] {
  let last = 0;
  return lines.map(({ at }) => (last = Math.max(last, at === null ? 0 : Date.parse(at))));
}
