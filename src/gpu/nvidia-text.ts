/** Reads what nvidia-smi prints: CSV of cards and of processes, the list with MIG instances, the XML that has their memory. Pure.
 *  A cell that a card does not know is `[N/A]`, `[Not Supported]`, `[Unknown Error]`, …: it becomes null and the card stays. */
import type { SeenGpu, SeenProcess, UnreadableGpu } from './reading.ts';

const MIB = 1024 * 1024;

/** Columns that every driver knows, then those that only newer ones do: nvidia-smi refuses the whole question for one it does not know. */
export const OLD_FIELDS = ['index', 'uuid', 'name', 'pci.bus_id', 'memory.total', 'memory.used', 'utilization.gpu', 'temperature.gpu', 'power.draw'] as const;
export const NEW_FIELDS = [
  'power.limit',
  'driver_version',
  'mig.mode.current',
  'reset_status.reset_required',
  'reset_status.drain_and_reset_recommended',
] as const;

/** A row of `--query-gpu` (noheader, nounits), by column. */
export type GpuRow = Readonly<Record<string, string>>;

/** Rows of so many cells as were asked for; anything else (a warning, a fault) is left out. */
export function readRows(csv: string, fields: readonly string[]): readonly GpuRow[] {
  return csv.split('\n').flatMap((line) => {
    const cells = line.split(',').map((cell) => cell.trim());
    if (cells.length !== fields.length || !/^\d+$/.test(cells[0] ?? '')) return [];
    return [Object.fromEntries(fields.map((field, index) => [field, cells[index] ?? '']))];
  });
}

/** @param machine the machine's own memory, for cards that have none of their own */
export function gpuOfRow(row: GpuRow, machine: { readonly totalBytes: number; readonly usedBytes: number }): SeenGpu | undefined {
  const { index, uuid, name } = row;
  if (index === undefined || uuid === undefined || name === undefined || !/^(GPU|MIG)-/.test(uuid)) return undefined;
  const total = cell(row, 'memory.total');
  const fault = faultOf(row);
  const sharesMemory = total === null && fault === null;
  return {
    index: Number(index),
    uuid,
    name,
    vendor: 'nvidia',
    driver: textOf(row['driver_version']),
    busId: row['pci.bus_id'] ?? '',
    memoryTotalBytes: sharesMemory ? machine.totalBytes : (total ?? 0) * MIB,
    memoryUsedBytes: sharesMemory ? machine.usedBytes : (cell(row, 'memory.used') ?? 0) * MIB,
    sharesMemory,
    utilizationPercent: cell(row, 'utilization.gpu'),
    temperatureC: cell(row, 'temperature.gpu'),
    powerW: cell(row, 'power.draw'),
    powerLimitW: cell(row, 'power.limit'),
    partOf: null,
    processes: [],
    fault,
  };
}

function faultOf(row: GpuRow): SeenGpu['fault'] {
  const memory = row['memory.total'] ?? '';
  // A card that does not even tell how large it is, and not for want of memory of its own.
  if (/lost|reset|error|ERR!|insufficient/i.test(memory)) return { state: 'lost', reason: `nvidia-smi answers ${memory} for its memory` };
  if (row['reset_status.reset_required'] === 'Yes') return { state: 'lost', reason: 'the driver says that it must be reset (nvidia-smi --gpu-reset)' };
  if (row['reset_status.drain_and_reset_recommended'] === 'Yes')
    return { state: 'draining', reason: 'the driver recommends to drain and reset it (nvidia-smi --gpu-reset)' };
  return null;
}

/** Processes by the uuid of their card; `gpu_uuid,pid,used_memory,process_name` (noheader, nounits): a name may hold commas. */
export function readProcesses(csv: string): ReadonlyMap<string, readonly SeenProcess[]> {
  const found = new Map<string, SeenProcess[]>();
  for (const line of csv.split('\n')) {
    const [, uuid, pid, memory, name] = /^\s*([^,]+),\s*(\d+),\s*([^,]*),\s*(.*)$/.exec(line) ?? [];
    if (uuid === undefined || name === undefined) continue;
    found.set(uuid, [...(found.get(uuid) ?? []), { pid: Number(pid), name: name.trim(), memoryBytes: bytesOf(memory) }]);
  }
  return found;
}

/** `Unable to determine the device handle for GPU0000:41:00.0: GPU is lost. …`: one line a card. */
export function readUnreadable(text: string): readonly UnreadableGpu[] {
  return [...text.matchAll(/Unable to determine the device handle for GPU\s?([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d):\s*(.+)/gi)].map(
    ([, busId = '', reason = '']) => ({ busId, reason: reason.trim().replace(/\s+/g, ' ') }),
  );
}

/** The column that this driver does not know; undefined: the fault is another. */
export function unknownField(text: string): string | undefined {
  return /Field "([^"]+)" is not a valid field to query/.exec(text)?.[1];
}

/** The cards that are cut into MIG instances become those instances. @param list of `nvidia-smi -L`  @param xml of `nvidia-smi -q -x` */
export function withMigInstances(
  gpus: readonly SeenGpu[],
  rows: readonly GpuRow[],
  texts: { readonly list: string; readonly xml: string },
): readonly SeenGpu[] {
  const isCut = (gpu: SeenGpu): boolean => rows.some((row) => row['uuid'] === gpu.uuid && row['mig.mode.current'] === 'Enabled');
  const listed = instancesOf(texts.list);
  return gpus.flatMap((gpu): readonly SeenGpu[] => {
    if (!isCut(gpu)) return [gpu];
    const instances = listed.filter((instance) => instance.cardUuid === gpu.uuid);
    if (instances.length === 0)
      return [{ ...gpu, fault: gpu.fault ?? { state: 'draining', reason: 'MIG is on and the card has no instances: nothing can run on it' } }];
    const card = cardOfXml(texts.xml, gpu.uuid);
    return instances.map((instance) => {
      const { totalBytes, usedBytes, gpuInstance } = memoryOfInstance(card, instance.index);
      return {
        ...gpu,
        index: (gpu.index + 1) * 100 + instance.index,
        uuid: instance.uuid,
        name: `${gpu.name} MIG ${instance.profile}`,
        memoryTotalBytes: totalBytes,
        memoryUsedBytes: usedBytes,
        partOf: { uuid: gpu.uuid, index: gpu.index },
        processes: processesOfXml(card, gpuInstance),
      };
    });
  });
}

interface Instance {
  readonly cardUuid: string;
  readonly index: number;
  readonly profile: string;
  readonly uuid: string;
}

function instancesOf(list: string): readonly Instance[] {
  let cardUuid = '';
  return list.split('\n').flatMap((line): readonly Instance[] => {
    cardUuid = /^GPU \d+:.*\(UUID: (GPU-[^)]+)\)/.exec(line)?.[1] ?? cardUuid;
    const [, profile, index, uuid] = /^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)]+)\)/.exec(line) ?? [];
    return profile === undefined || uuid === undefined ? [] : [{ cardUuid, index: Number(index), profile, uuid }];
  });
}

function cardOfXml(xml: string, uuid: string): string {
  return xml.split(/<gpu id=/).find((part) => tag(part, 'uuid') === uuid) ?? '';
}

function memoryOfInstance(card: string, index: number): { readonly totalBytes: number; readonly usedBytes: number; readonly gpuInstance: string | undefined } {
  const part = [...card.matchAll(/<mig_device>([^]*?)<\/mig_device>/g)].map(([, text = '']) => text).find((text) => tag(text, 'index') === String(index)) ?? '';
  const memory = tag(part, 'fb_memory_usage') ?? '';
  return { totalBytes: bytesOf(tag(memory, 'total')) ?? 0, usedBytes: bytesOf(tag(memory, 'used')) ?? 0, gpuInstance: tag(part, 'gpu_instance_id') };
}

function processesOfXml(card: string, gpuInstance: string | undefined): readonly SeenProcess[] {
  return [...card.matchAll(/<process_info>([^]*?)<\/process_info>/g)]
    .map(([, text = '']) => text)
    .filter((text) => tag(text, 'gpu_instance_id') === gpuInstance)
    .map((text) => ({ pid: Number(tag(text, 'pid')), name: tag(text, 'process_name') ?? '', memoryBytes: bytesOf(tag(text, 'used_memory')) }));
}

/** The text of the first such tag: nvidia-smi writes no attributes and no entities in those read here. */
function tag(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^]*?)</${name}>`).exec(xml)?.[1]?.trim();
}

function cell(row: GpuRow, field: string): number | null {
  const text = row[field];
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

function textOf(text: string | undefined): string | null {
  return text === undefined || text === '' || text.startsWith('[') ? null : text;
}

/** `4642 MiB` or `4642`; anything else is not told. */
function bytesOf(text: string | undefined): number | null {
  const mib = /^(\d+)( MiB)?$/.exec(text?.trim() ?? '')?.[1];
  return mib === undefined ? null : Number(mib) * MIB;
}
