/** With how much of it a model was loaded, in words that say why it is no more. Pure. */
import type { ModelRuntime } from '../contract/models.ts';
import type { Lease } from '../gpu/tenants.ts';
import type { LoadSize } from './driver.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Fewer layers on the device, or a shorter context, than wanted. */
export function isLess({ context, wantedContext, gpuLayers, wantedGpuLayers }: LoadSize): boolean {
  return context < wantedContext || gpuLayers < wantedGpuLayers;
}

/** @param freeBytes what it could have had of a device */
export function describeLoad(
  size: LoadSize,
  { devices, freeBytes }: { readonly devices: Lease['devices']; readonly freeBytes: number },
): NonNullable<ModelRuntime['load']> {
  const { context, wantedContext, parallel, gpuLayers, layers } = size;
  const facts = { contextLength: context, wantedContextLength: wantedContext, parallel, gpuLayers, layers, isFull: !isLess(size) };
  if (size.wantedBytes === 0) return { ...facts, message: 'in main memory' };
  const where = gpuLayers === 0 ? '' : ` on GPU ${devices.map(({ index }) => index).join(' and ')}`;
  const some =
    gpuLayers === 0
      ? `no layers on a GPU, all in main memory`
      : gpuLayers < layers
        ? `${gpuLayers} of ${layers} layers${where}`
        : `all ${layers} layers${where}`;
  const short = context < wantedContext ? `, ${context} of ${wantedContext} tokens of context` : '';
  const why = facts.isFull ? '' : `: ${freeOf(freeBytes, size.wantedBytes)} asked`;
  return { ...facts, message: `${some}${short}${why}` };
}

/** In the unit of what was asked. */
function freeOf(free: number, asked: number): string {
  return asked < GIB ? `${Math.floor(free / MIB)} MiB free of ${Math.ceil(asked / MIB)}` : `${(free / GIB).toFixed(1)} GiB free of ${(asked / GIB).toFixed(1)}`;
}
