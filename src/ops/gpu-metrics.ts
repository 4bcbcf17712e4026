/** What Prometheus reads of the devices: what they did at the last look, which is never older than half a minute. */
import { Gauge, type Registry } from 'prom-client';
import type { Gpu } from '../gpu/device.ts';

const LABELS = ['gpu', 'uuid', 'name'] as const;

/** Registers the gauges; `gpus` is asked whenever they are read. */
export function registerGpuMetrics(registry: Registry, gpus: () => readonly Gpu[]): void {
  const registers = [registry];
  // A device that went must not go on showing its last values: all are forgotten before each reading.
  const each = (name: string, help: string, valueOf: (gpu: Gpu) => number | null): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: LABELS,
      registers,
      collect() {
        this.reset();
        for (const gpu of gpus()) {
          const value = valueOf(gpu);
          if (value !== null) this.set({ gpu: String(gpu.index), uuid: gpu.uuid, name: gpu.name }, value);
        }
      },
    });
  const isThere = (gpu: Gpu): boolean => gpu.state !== 'lost';
  new Gauge({
    name: 'runner_gpu_total',
    help: 'Devices that are there',
    registers,
    collect() {
      this.set(gpus().filter(isThere).length);
    },
  });
  each('studio_gpu_usable', '1: grants are made on it; 0: it is drained or lost', (gpu) => (gpu.state === 'ok' ? 1 : 0));
  each('studio_gpu_memory_total_bytes', 'Memory of the device', (gpu) => gpu.memoryTotalBytes);
  each('studio_gpu_memory_used_bytes', 'Memory in use, whoever uses it', (gpu) => (isThere(gpu) ? gpu.memoryUsedBytes : null));
  each('studio_gpu_utilization_ratio', 'Share of time in which something ran on it, 0 to 1', (gpu) =>
    gpu.utilizationPercent === null ? null : gpu.utilizationPercent / 100,
  );
  each('studio_gpu_temperature_celsius', 'Temperature', (gpu) => gpu.temperatureC);
  each('studio_gpu_power_watts', 'Power drawn', (gpu) => gpu.powerW);
  each('studio_gpu_processes', 'Processes the driver shows on it', (gpu) => (isThere(gpu) ? gpu.processes.length : null));
}
