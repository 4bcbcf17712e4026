/** The logs of the machine for who may read them: pages of lines, the level, and ranges for the socket. Never decides who may. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type * as z from 'zod';
import type { logEndpoints, logLevelState } from '../contract/logs.ts';
import { fail } from '../kernel/fail.ts';
import type { LogLevelControl } from './log-level.ts';
import { logPath, serviceLogPath, type LogOutput } from './log-output.ts';
import { readLogRange } from './log-range.ts';
import { readLog } from './log-reader.ts';

type Query = z.infer<NonNullable<(typeof logEndpoints)[0]['query']>>;
type Reply = z.infer<(typeof logEndpoints)[0]['reply']>;

/** A stretch of a log for who follows it. */
export interface LogRanges {
  read(service: string, from: number, maxBytes: number): Promise<{ readonly bytes: Buffer; readonly size: number }>;
  onChange(service: string, listener: () => void): () => void;
}

export interface MachineLogs {
  /** @throws AppError not_found */
  page(query: Query): Promise<Reply>;
  readonly ranges: LogRanges;
  level(): z.infer<typeof logLevelState>;
  setLevel(level: Parameters<LogLevelControl['set']>[0], forMs: number | null): Promise<z.infer<typeof logLevelState>>;
}

export interface MachineLogsParts {
  readonly workspacePath: string;
  readonly output: Pick<LogOutput, 'onLine'>;
  readonly level: LogLevelControl;
  /** Told when a service wrote; undefined: it has no log of its own. */
  readonly onService: (name: string, listener: () => void) => (() => void) | undefined;
}

const STUDIO = 'studio';
/** Their words stand in Studio's log. */
const HANDED_ON = ['postgres', 'redis'];

export function createMachineLogs({ workspacePath, output, level, onService }: MachineLogsParts): MachineLogs {
  async function ownFiles(): Promise<readonly string[]> {
    const names = await readdir(join(workspacePath, 'logs/services')).catch(() => []);
    return names
      .filter((name) => name.endsWith('.log'))
      .map((name) => name.slice(0, -'.log'.length))
      .toSorted();
  }
  const pathOf = (service: string, own: readonly string[]): string => (own.includes(service) ? serviceLogPath(workspacePath, service) : logPath(workspacePath));
  return {
    async page({ service, level: least, text, requestId, since, until, limit, after }) {
      const own = await ownFiles();
      const services = [STUDIO, ...HANDED_ON, ...own];
      if (!services.includes(service)) fail('not_found', `There is no log of "${service}"; there are those of ${services.join(', ')}.`);
      const isPart = service !== STUDIO && !own.includes(service);
      const filter = {
        ...{ level: least, text, requestId },
        service: isPart ? service : undefined,
        sinceMs: since === undefined ? undefined : Date.parse(since),
        untilMs: until === undefined ? undefined : Date.parse(until),
      };
      const page = await readLog(pathOf(service, own), { filter, limit, after: after ?? null });
      return {
        items: page.lines.map(({ raw: _raw, fields, ...line }) => ({ ...line, fields: { ...fields } })),
        next: page.next,
        lookedBackTo: page.lookedBackTo,
        end: page.end,
        services,
      };
    },
    ranges: {
      read: async (service, from, maxBytes) => readLogRange(pathOf(service, await ownFiles()), from, maxBytes),
      onChange: (service, listener) => (service === STUDIO ? undefined : onService(service, listener)) ?? output.onLine(listener),
    },
    level: level.read,
    setLevel: level.set,
  };
}
