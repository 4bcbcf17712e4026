/** Joins traces: loads what makes and sends them only where a collector is configured, and hands each part what it is to tell to. Part of wire.ts. */
import packageJson from '../package.json' with { type: 'json' };
import type { CompleteConfig } from './config/schema.ts';
import type { HeldLease } from './gpu/ledger-port.ts';
import type { AppParts } from './http/app.ts';
import type { GatewayRouteParts } from './http/routes/gateway.ts';
import type { Clock } from './kernel/clock.ts';
import { messageOf } from './kernel/fail.ts';
import type { Logger } from './kernel/log.ts';
import { currentRequest } from './kernel/request-context.ts';
import { readTracing } from './tracing/settings.ts';
import type { Tracing } from './tracing/tracing.ts';

/** @returns undefined where no traces are made; a fault in the settings, or of the packages, is logged and costs the traces alone */
export async function wireTracing({
  config,
  clock,
  log,
}: {
  readonly config: CompleteConfig;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<Tracing | undefined> {
  const { settings, faults } = readTracing(config);
  for (const fault of faults)
    log.warn({ fault }, settings === undefined ? 'traces are off: their settings can not be used' : 'a setting of traces is not used');
  if (settings === undefined) return undefined;
  try {
    const { createTracing } = await import('./tracing/tracing.ts');
    const instanceId = config.role === 'worker' ? `${config.workspaceId}.${config.workerName ?? 'worker'}` : config.workspaceId;
    return createTracing({ settings, version: packageJson.version, instanceId, clock, log });
  } catch (error) {
    log.error({ cause: messageOf(error) }, 'traces are off: what makes them could not be loaded');
    return undefined;
  }
}

/** Of requests, for http. */
export function requestTrace(tracing: Tracing | undefined): AppParts['trace'] {
  return tracing?.requests.begin;
}

/** Of calls to the gateway, which stand under the request that makes them. */
export function gatewayTrace(tracing: Tracing | undefined): GatewayRouteParts['trace'] {
  if (tracing === undefined) return undefined;
  return (asked) => {
    const caller = currentRequest()?.trace;
    return caller === undefined || !caller.isSampled ? undefined : tracing.calls.model(caller, { ...asked, model: undefined });
  };
}

/** Of grants of devices: those to jobs are told with the job. */
export function grantTrace(tracing: Tracing | undefined, waitMs: number, lease: HeldLease): void {
  if (lease.kind !== 'job') return;
  const { tenantId, queuedAtMs, devices } = lease;
  tracing?.jobs.granted({ tenantId, queuedAtMs, grantedAtMs: queuedAtMs + waitMs, devices });
}
