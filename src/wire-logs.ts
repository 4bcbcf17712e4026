/** Where the logs come from that are followed over the socket: of jobs, of the machine, of its services. Part of wire.ts. */
import type { Jobs } from './jobs/jobs.ts';
import { AppError } from './kernel/fail.ts';
import { readLogRange } from './ops/log-range.ts';
import type { LogSource } from './realtime/log-rooms.ts';
import type { ServiceHost } from './services/services.ts';
import type { Watching } from './wire-watching.ts';

interface LogSourceParts {
  readonly jobs: () => Pick<Jobs, 'logs'>;
  readonly watching: () => Pick<Watching, 'logRanges'>;
  readonly host: () => Pick<ServiceHost, 'logOf'>;
}

/** The parts are asked for when a log is: they are made after who follows it. */
export function logSource({ jobs, watching, host }: LogSourceParts): LogSource {
  return {
    read(id, from, maxBytes) {
      const [kind, name] = kindOf(id);
      if (kind === 'machine') return watching().logRanges.read(name, from, maxBytes);
      if (kind === 'job') return jobs().logs.read(name, from, maxBytes);
      const log = serviceLog(host(), name);
      return log === undefined ? Promise.resolve({ bytes: Buffer.alloc(0), size: 0 }) : readLogRange(log.path, from, maxBytes);
    },
    end: async (job) => (kindOf(job.id)[0] === 'job' ? jobs().logs.end(job) : undefined),
    onChange(id, listener) {
      const [kind, name] = kindOf(id);
      if (kind === 'machine') return watching().logRanges.onChange(name, listener);
      if (kind === 'job') return jobs().logs.onChange(name, listener);
      return serviceLog(host(), name)?.onChange(listener) ?? (() => undefined);
    },
  };
}

/** As the rooms name them: `machine_log:studio`, `service_log:comfy`, a job by its id. */
function kindOf(id: string): readonly ['job' | 'machine' | 'service', string] {
  const colon = id.indexOf(':');
  if (colon < 0) return ['job', id];
  return [id.startsWith('machine_log:') ? 'machine' : 'service', id.slice(colon + 1)];
}

/** Undefined: there is no such service, or not any more; its log then has nothing more to say. */
function serviceLog(host: Pick<ServiceHost, 'logOf'>, name: string): ReturnType<ServiceHost['logOf']> | undefined {
  try {
    return host.logOf(name);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
