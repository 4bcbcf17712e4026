/** A service as the API shows it: what the supervisor knows, beside what its definition says. Pure but for a look at its memory. */
import type { Service, ServiceStatus } from '../contract/services.ts';
import { roles, type Role } from '../contract/values.ts';
import type { BrokenService, DefinedService } from './definition.ts';
import type { ServiceRun } from './run-service.ts';

interface Known {
  readonly status: ServiceStatus;
  readonly defined: DefinedService | undefined;
  readonly run: ServiceRun | undefined;
  readonly lastUsedMs: number | undefined;
  readonly memoryOf: (groupId: number) => number;
  /** Of who looks: a page that they may not open is not shown. */
  readonly role: Role;
}

export function describeService({ status, defined, run, lastUsedMs, memoryOf, role }: Known): Service {
  const page = defined?.definition.page ?? null;
  return {
    ...status,
    title: defined?.definition.title ?? null,
    source: defined?.source ?? 'built_in',
    file: defined?.file ?? null,
    enabled: defined?.definition.enabled ?? true,
    after: [...(defined?.definition.after ?? [])],
    port: run?.port ?? null,
    memoryBytes: status.pid === null ? null : memoryOf(status.pid),
    lastUsedAt: lastUsedMs === undefined ? null : new Date(lastUsedMs).toISOString(),
    page: page !== null && roles.indexOf(role) >= roles.indexOf(page.role) ? `/services/${status.name}${page.path}` : null,
    devices: (run?.lease?.devices ?? []).map(({ index, bytes }) => ({ index, bytes })),
  };
}

/** One whose definition can't be used: there is nothing but its fault. */
export function describeBroken({ name, file, fault }: BrokenService): Service {
  return {
    name,
    state: 'failed',
    required: false,
    pid: null,
    since: null,
    restarts: 0,
    exits: [],
    reason: fault,
    title: null,
    source: file === '' ? 'api' : 'file',
    file: file === '' ? null : file,
    enabled: false,
    after: [],
    port: null,
    memoryBytes: null,
    lastUsedAt: null,
    page: null,
    devices: [],
  };
}
