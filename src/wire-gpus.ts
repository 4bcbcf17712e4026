/** Joins the parts of the devices: who looks at them, what they were, and the ledger over them. Part of wire.ts. */
import type { CompleteConfig } from './config/schema.ts';
import { createDevices, type Devices } from './gpu/device.ts';
import { createLedger } from './gpu/ledger.ts';
import type { GpuLedger, HeldLease } from './gpu/ledger-port.ts';
import type { Route } from './http/route.ts';
import { gpuLeaseRoutes } from './http/routes/gpu-leases.ts';
import { gpuRoutes } from './http/routes/gpus.ts';
import { workerIdOf } from './jobs/worker.ts';
import type { Clock } from './kernel/clock.ts';
import type { Logger } from './kernel/log.ts';
import { createGpuMarks } from './ops/gpu-marks.ts';
import { createMachineHistory, type WorkSample } from './ops/machine-history.ts';
import { createMachineLoad } from './ops/machine-load.ts';
import type { Database } from './store/client.ts';

export interface GpuWireParts {
  readonly config: CompleteConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly database: Database;
  /** Hears how long a request waited for its lease, and what was granted. */
  readonly onGranted: (waitMs: number, lease: HeldLease) => void;
  /** What Studio does, for the history. */
  readonly work?: (() => Promise<WorkSample>) | undefined;
}

export interface WiredGpus {
  readonly devices: Devices;
  readonly ledger: GpuLedger;
  readonly routes: readonly Route[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function wireGpus({ config, clock, log, database, onGranted, work }: GpuWireParts): Promise<WiredGpus> {
  const { workspacePath } = config;
  const devices = createDevices({ clock, log });
  const marks = createGpuMarks({ sql: database.engine, clock, log, devices });
  const { cores, memoryTotalBytes } = await createMachineLoad({ clock })();
  const ledger = createLedger({
    ...{ database, clock, log, devices, onGranted },
    machine: await workerIdOf({ workspacePath, clock }),
    reserveBytes: config.gpuReserveBytes,
    cpu: cores,
    memoryBytes: memoryTotalBytes,
  });
  const history = createMachineHistory({
    sql: database.engine,
    clock,
    log,
    devices,
    workspacePath,
    work,
    tenantsOn: (uuid) => ledger.tenantsOn(uuid),
  });
  return {
    devices,
    ledger,
    routes: [...gpuRoutes({ devices, marks, history, tenantsOn: (uuid) => ledger.tenantsOn(uuid) }), ...gpuLeaseRoutes({ ledger })],
    async start() {
      await marks.start();
      history.start();
      devices.start();
      await ledger.start();
    },
    async stop() {
      await history.stop();
      marks.stop();
      ledger.stop();
      await devices.stop();
    },
  };
}
