/** `studio logs`: lines of Studio's log or of a service's, readable; --follow goes on until Ctrl-C. `studio logs level` reads or changes what is logged, live. */
import { open } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { logLevels, type LogLevel } from '../contract/values.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import { matches, readLine, type LineFilter } from '../ops/log-lines.ts';
import { logPath, prettyLine, serviceLogPath } from '../ops/log-output.ts';
import { readLog } from '../ops/log-reader.ts';
import { readLogLevel, writeLogLevel } from '../store/log-level.ts';
import { print, printJson, readArguments, readConfig, type Command } from './command.ts';
import { parseDuration, parseMoment } from './moment.ts';
import { withWorkspace } from './workspace.ts';

const PIECE_BYTES = 1024 * 1024;
const FOLLOW_MS = 250;
const OPTIONS = {
  lines: { type: 'string', short: 'n' },
  follow: { type: 'boolean', short: 'f' },
  since: { type: 'string' },
  until: { type: 'string' },
  priority: { type: 'string', short: 'p' },
  service: { type: 'string' },
  request: { type: 'string' },
  text: { type: 'string' },
  for: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** Numbers of syslog, as journalctl takes them. */
const PRIORITIES: Readonly<Record<string, LogLevel>> = {
  '0': 'fatal',
  '1': 'fatal',
  '2': 'fatal',
  '3': 'error',
  '4': 'warn',
  '5': 'info',
  '6': 'info',
  '7': 'debug',
  err: 'error',
  warning: 'warn',
  notice: 'info',
  crit: 'fatal',
};

export const logs: Command = async (args) => {
  const { values, positionals } = readArguments(args, OPTIONS);
  if (positionals[0] === 'level') return level(values.config, { wanted: positionals[1], forText: values.for, isJson: values.json === true });
  const service = values.service ?? positionals[0] ?? 'studio';
  const { config } = await readConfig(values.config);
  const own = serviceLogPath(config.workspacePath, service);
  const hasOwn = /^[a-z][a-z0-9-]{0,63}$/.test(service) && existsSync(own);
  const path = hasOwn ? own : logPath(config.workspacePath);
  if (!existsSync(path)) throw new Error(`There is no log at ${path}: Studio has not run on this workspace.`);
  const now = clock.now();
  const filter: LineFilter = {
    level: values.priority === undefined ? undefined : levelOf(values.priority),
    service: service === 'studio' || hasOwn ? undefined : service,
    text: values.text,
    requestId: values.request,
    sinceMs: values.since === undefined ? undefined : parseMoment(values.since, now),
    untilMs: values.until === undefined ? undefined : parseMoment(values.until, now),
  };
  const show = (line: string): void => void process.stdout.write(values.json === true ? `${line}\n` : prettyLine(line));
  const limit = values.lines === undefined ? (values.since === undefined ? 100 : Infinity) : countOf(values.lines);
  const { lines, end } = await lastLines(path, filter, limit);
  for (const line of lines) show(line);
  if (values.follow === true) await follow(path, end, (line) => matches(readLine(line), line, filter) && show(line));
  return 0;
};

async function lastLines(path: string, filter: LineFilter, limit: number): Promise<{ readonly lines: readonly string[]; readonly end: number }> {
  const found: string[] = [];
  let after: string | null = null;
  let end: number | undefined;
  do {
    // Serial: each page begins where the one before ended.
    const page = await readLog(path, { filter, limit: Math.min(1_000, limit - found.length), after });
    found.push(...page.lines.map(({ raw }) => raw));
    end ??= page.end;
    after = page.next;
  } while (after !== null && found.length < limit);
  return { lines: found.toReversed(), end };
}

/** A file that shrank was rotated: from its beginning. */
async function follow(path: string, from: number, tell: (line: string) => void): Promise<never> {
  let at = from;
  let rest = '';
  for (;;) {
    const file = await open(path).catch(() => undefined);
    if (file !== undefined) {
      const { size } = await file.stat();
      if (size < at) at = 0;
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(size - at, PIECE_BYTES)), 0, Math.min(size - at, PIECE_BYTES), at);
      await file.close();
      at += bytesRead;
      const lines = `${rest}${buffer.toString('utf8', 0, bytesRead)}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') tell(line);
    }
    await clock.sleep(FOLLOW_MS); // Serial: each look goes on where the last one ended.
  }
}

async function level(
  configPath: string | undefined,
  { wanted, forText, isJson }: { readonly wanted: string | undefined; readonly forText: string | undefined; readonly isJson: boolean },
): Promise<number> {
  const loaded = await readConfig(configPath);
  const chosen = wanted === undefined || wanted === 'default' ? null : levelOf(wanted);
  const stored = await withWorkspace(loaded, async ({ open: openDatabase }) => {
    const sql = openDatabase().engine;
    const now = clock.now();
    if (wanted !== undefined)
      await writeLogLevel(sql, { level: chosen, untilMs: chosen === null || forText === undefined ? null : now + parseDuration(forText), now: new Date(now) });
    return readLogLevel(sql);
  });
  const isSet = stored?.level != null && (stored.untilMs === null || stored.untilMs > clock.now());
  const shown = {
    level: isSet ? stored.level : loaded.config.logLevel,
    configured: loaded.config.logLevel,
    until: isSet && stored.untilMs !== null ? new Date(stored.untilMs).toISOString() : null,
  };
  if (isJson) printJson(shown);
  else
    print(
      `${shown.level}${shown.level === shown.configured ? '' : ` (configured: ${shown.configured})`}${shown.until === null ? '' : ` until ${shown.until}`}`,
    );
  return 0;
}

function levelOf(text: string): LogLevel {
  const found = logLevels.find((one) => one === text) ?? PRIORITIES[text];
  if (found === undefined) throw new Error(`"${text}" is no level: it is one of ${logLevels.join(', ')}, or 0 to 7 as syslog counts.`);
  return found;
}

function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--lines takes a number, not "${text}".`);
  return Number(text);
}
