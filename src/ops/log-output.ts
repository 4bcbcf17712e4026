/** Where log lines go and how they look: the terminal (pretty or JSON), always a bounded file for `studio logs`, syslog when asked.
 *  Never drops a line because a sink is slow to open; loses at most what a kill catches in the buffer. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../config/schema.ts';

export interface LogOutput {
  write(line: string): void;
  /** Writes out what is buffered. */
  end(): Promise<void>;
}

/** Two files of this size at most. */
const MAX_FILE_BYTES = 10 * 1024 * 1024;

export function logPath(workspacePath: string): string {
  return join(workspacePath, 'logs/studio.log');
}

export function openLogOutput(config: Pick<Config, 'logFormat' | 'logSink' | 'workspacePath'>): LogOutput {
  const file = openFile(logPath(config.workspacePath));
  // A terminal or a pipe may go away (a lost connection, a restarted collector): the file still has the lines, and Studio goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const syslog = config.logSink === 'syslog' ? openSyslog() : undefined;
  const show =
    config.logSink === 'stdout' ? (line: string) => void process.stdout.write(config.logFormat === 'pretty' ? prettyLine(line) : line) : () => undefined;
  return {
    write(line) {
      show(line);
      file.write(line);
      syslog?.stdin?.write(line);
    },
    async end() {
      syslog?.stdin?.end();
      await file.end();
    },
  };
}

function openFile(path: string): LogOutput {
  mkdirSync(dirname(path), { recursive: true });
  let bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  let stream = append(path);
  return {
    write(line) {
      bytes += Buffer.byteLength(line);
      if (bytes > MAX_FILE_BYTES) {
        stream.end();
        renameSync(path, `${path}.1`);
        stream = append(path);
        bytes = Buffer.byteLength(line);
      }
      stream.write(line);
    },
    end: () => new Promise((resolve) => stream.end(() => resolve())),
  };
}

/** A full disk must not end the process: the terminal still has the line. */
function append(path: string): WriteStream {
  return createWriteStream(path, { flags: 'a', mode: 0o640 }).on('error', () => undefined);
}

/** Node has no datagram sockets on paths, which is what /dev/log is; every syslog brings `logger`. */
function openSyslog(): ReturnType<typeof spawn> {
  const child = spawn('logger', ['--tag', 'studio', '--id'], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('error', () => undefined);
  child.stdin?.on('error', () => undefined);
  return child;
}

const SHORT: Readonly<Record<string, string>> = { debug: 'debug', info: '', warn: 'warning', error: 'error', fatal: 'error' };

/** One JSON line as a person reads it: time, level when it matters, message, facts. */
export function prettyLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg, ...facts } = record;
  const rest = Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return `${[String(time).slice(11, 19), SHORT[String(level)] ?? String(level), String(msg), ...rest].filter((part) => part !== '').join('  ')}\n`;
}
