/** What a job sees of the machine's devices: those it was granted, or none. No boundary against ill will; it is what every framework obeys. Pure. */
import type { GpuLedger } from '../gpu/ledger-port.ts';

export interface GpuEnv {
  /** Not to be set by a job. */
  readonly fixed: Readonly<Record<string, string>>;
  /** Good for most; a job may set others. */
  readonly proposed: Readonly<Record<string, string>>;
}

/** No index, no uuid: nothing is visible. Empty would mean the same to CUDA, and "all" to some frameworks. */
const NONE = '-1';

export function gpuEnv(ledger: Pick<GpuLedger, 'leaseOf' | 'devices'>, jobId: string): GpuEnv {
  const lease = ledger.leaseOf(jobId);
  const devices = lease?.devices ?? [];
  if (lease === undefined || devices.length === 0)
    return { fixed: { CUDA_VISIBLE_DEVICES: NONE, HIP_VISIBLE_DEVICES: NONE, ROCR_VISIBLE_DEVICES: NONE }, proposed: {} };
  const uuids = devices.map((device) => device.uuid).join(',');
  const indices = devices.map((device) => device.index).join(',');
  const bytes = Math.min(...devices.map((device) => device.bytes));
  const totalBytes = ledger.devices().find((device) => device.uuid === devices[0]?.uuid)?.totalBytes;
  return {
    fixed: { CUDA_VISIBLE_DEVICES: uuids, HIP_VISIBLE_DEVICES: indices, STUDIO_GPUS: indices, STUDIO_VRAM_BYTES: String(bytes) },
    proposed: {
      CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
      // These frameworks take a whole device at once unless they are told.
      ...(lease.isWhole || totalBytes === undefined
        ? {}
        : { XLA_PYTHON_CLIENT_MEM_FRACTION: (Math.floor((bytes / totalBytes) * 1_000) / 1_000).toString(), TF_FORCE_GPU_ALLOW_GROWTH: 'true' }),
    },
  };
}
