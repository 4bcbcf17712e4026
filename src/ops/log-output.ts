/** Where log lines go and how they look: the terminal (pretty or JSON), always files with rotation, syslog when asked. Counts lines by level, and tells who
 *  follows. Never drops a line because a sink is slow to open; `flush` saves the last words of a process that dies. */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { openLogFile } from './log-file.ts';
import { openSyslog, parseSyslogTarget } from './syslog.ts';

export interface LogOutput {
  write(line: string): void;
  /** Writes out what waits, before it returns. */
  flush(): void;
  end(): Promise<void>;
  /** Lines since the start, by level. */
  counts(): Readonly<Record<string, number>>;
  /** @returns a function that ends it */
  onLine(listener: () => void): () => void;
}

export type LogSettings = Pick<Config, 'logFormat' | 'logSink' | 'logSyslog' | 'logFileMaxBytes' | 'logFileKeep' | 'workspacePath'>;

export function logPath(workspacePath: string): string {
  return join(workspacePath, 'logs/studio.log');
}

/** Of a service that people defined. */
export function serviceLogPath(workspacePath: string, name: string): string {
  return join(workspacePath, 'logs/services', `${name}.log`);
}

export function openLogOutput(config: LogSettings): LogOutput {
  const file = openLogFile(logPath(config.workspacePath), {
    get maxBytes() {
      return config.logFileMaxBytes;
    },
    get keep() {
      return config.logFileKeep;
    },
  });
  // A terminal or a pipe may go away (a lost connection, a restarted collector): the file still has the lines, and Studio goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const syslog = config.logSink === 'syslog' ? openSyslog(parseSyslogTarget(config.logSyslog)) : undefined;
  const show =
    config.logSink === 'stdout' ? (line: string) => void process.stdout.write(config.logFormat === 'pretty' ? prettyLine(line) : line) : () => undefined;
  const counts: Record<string, number> = { debug: 0, info: 0, warn: 0, error: 0, fatal: 0 };
  const listeners = new Set<() => void>();
  return {
    write(line) {
      show(line);
      file.write(line);
      syslog?.write(line);
      const level = levelOf(line);
      counts[level] = (counts[level] ?? 0) + 1;
      for (const listener of listeners) listener();
    },
    flush: file.flush,
    async end() {
      await syslog?.end();
      await file.end();
    },
    counts: () => counts,
    onLine(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Our own lines begin with it. */
function levelOf(line: string): string {
  return /^\{"level":"(debug|info|warn|error|fatal)"/.exec(line)?.[1] ?? 'info';
}

const SHORT: Readonly<Record<string, string>> = { debug: 'debug', info: '', warn: 'warning', error: 'error', fatal: 'error' };

/** One JSON line as a person reads it: time, level when it matters, message, facts. */
export function prettyLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line.endsWith('\n') ? line : `${line}\n`;
  }
  const { level, time, msg, ...facts } = record;
  const rest = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${[String(time).slice(11, 19), SHORT[String(level)] ?? String(level), String(msg), ...rest].filter((part) => part !== '').join('  ')}\n`;
}
