/** Devices as pages see them: looked at again while they are in sight, since nothing tells of every change of a temperature. */
import { useSignal } from '@preact/signals';
import { call } from '../api.ts';
import { useResource } from './resource.ts';
import type { ItemOf } from '../api.ts';
import type { Resource } from './resource.ts';
import type { ReplyOf } from '../../src/contract/index.ts';

export type Gpu = ItemOf<'GET /api/v1/gpus'>;
export type GpuList = ReplyOf<'GET /api/v1/gpus'>;
export type GpuLease = ItemOf<'GET /api/v1/gpus/leases'>;
export type GpuRequest = ItemOf<'GET /api/v1/gpus/queue'>;
export type GpuHistory = ReplyOf<'GET /api/v1/gpus/history'>;

// As often as the server itself looks at them.
const EVERY_MS = 2_000;
const HISTORY_EVERY_MS = 60_000;
// Right after the start the first point is seconds away.
const EMPTY_EVERY_MS = 3_000;

export function useGpus(): Resource<GpuList> {
  return useResource((signal) => call('GET /api/v1/gpus', { query: { limit: 200 }, signal }), [], {
    everyMs: EVERY_MS,
    follow: { rooms: ['system'], apply: (value, event) => (event.event_type === 'gpu:device:changed' ? 'reload' : value) },
  });
}

interface GpuLine {
  readonly leases: readonly GpuLease[];
  readonly waiting: readonly GpuRequest[];
}

/** Who holds memory of devices, and who waits for some. */
export function useGpuLine(): Resource<GpuLine> {
  return useResource(loadLine, [], { everyMs: EVERY_MS });
}

async function loadLine(signal: AbortSignal): Promise<GpuLine> {
  const query = { limit: 200 };
  const [leases, queue] = await Promise.all([call('GET /api/v1/gpus/leases', { query, signal }), call('GET /api/v1/gpus/queue', { query, signal })]);
  return { leases: leases.items, waiting: queue.items.filter((one) => one.gpus > 0 || one.vramBytes > 0) };
}

export function useGpuHistory(minutes: number): Resource<GpuHistory> {
  const isEmpty = useSignal(true);
  const load = async (signal: AbortSignal): Promise<GpuHistory> => {
    const history = await call('GET /api/v1/gpus/history', { query: { minutes }, signal });
    isEmpty.value = history.items.length === 0;
    return history;
  };
  return useResource(load, [minutes], { everyMs: isEmpty.value ? EMPTY_EVERY_MS : HISTORY_EVERY_MS });
}

/** @throws ApiError */
export async function drainGpu(uuid: string, reason: string): Promise<void> {
  await call('POST /api/v1/gpus/{uuid}/drain', { params: { uuid }, body: { reason } });
}

/** @throws ApiError */
export async function resumeGpu(uuid: string): Promise<void> {
  await call('POST /api/v1/gpus/{uuid}/resume', { params: { uuid } });
}
