/** Asks rocm-smi. Its JSON has a key a card and one for the machine; names of cells differ by version, so they are found by what they hold. */
import { findProgram, type ProgramRunner } from './program.ts';
import type { Reading, SeenGpu, SeenProcess } from './reading.ts';

// It is a Python program that reads every card: slower than nvidia-smi.
const TIMEOUT_MS = 10_000;
const ARGS = [
  '--showid',
  '--showproductname',
  '--showuniqueid',
  '--showbus',
  '--showmeminfo',
  'vram',
  '--showuse',
  '--showtemp',
  '--showpower',
  '--showmaxpower',
  '--showdriverversion',
  '--showpids',
  '--json',
];

type Cells = Readonly<Record<string, unknown>>;

/** @returns a function that looks once; it never rejects */
export function createAmd(runner: ProgramRunner): () => Promise<Reading> {
  const program = 'rocm-smi';
  return async () => {
    const path = await findProgram(program);
    if (path === undefined) return { kind: 'absent', program, about: 'not on the PATH' };
    const end = await runner.run(path, ARGS, TIMEOUT_MS);
    if (end.kind === 'late') return { kind: 'fault', program, reason: `rocm-smi did not answer within ${end.afterMs} ms`, isHang: true };
    if (end.kind === 'failed') return { kind: 'fault', program, reason: `rocm-smi can't be started: ${end.reason}`, isHang: false };
    const gpus = parseRocm(end.stdout);
    if (gpus !== undefined) return { kind: 'devices', program, gpus, unreadable: [] };
    const about = `${end.stderr}\n${end.stdout}`.split('\n').find((line) => line.trim() !== '') ?? 'it printed nothing';
    return { kind: 'fault', program, reason: `rocm-smi fails with ${end.code ?? 'a signal'}: ${about.trim().slice(0, 300)}`, isHang: false };
  };
}

/** @param text warnings may stand before the JSON  @returns undefined when it holds none */
export function parseRocm(text: string): readonly SeenGpu[] | undefined {
  const start = text.indexOf('{');
  let root: unknown;
  try {
    root = JSON.parse(text.slice(start === -1 ? text.length : start));
  } catch {
    return undefined;
  }
  if (!isCells(root)) return undefined;
  const cards = Object.entries(root).flatMap(([key, cells]) => {
    const index = /^card(\d+)$/.exec(key)?.[1];
    return index === undefined || !isCells(cells) ? [] : [{ index: Number(index), cells }];
  });
  const system = isCells(root['system']) ? root['system'] : {};
  const driver = find(system, /driver version/i) ?? null;
  // Which card a process uses is not told; with one card there is no doubt.
  const processes = cards.length === 1 ? processesOf(system) : [];
  return cards.flatMap(({ index, cells }) => gpuOf(cells, { index, driver, processes }) ?? []);
}

function gpuOf(cells: Cells, facts: Pick<SeenGpu, 'index' | 'driver' | 'processes'>): SeenGpu | undefined {
  const total = numberOf(find(cells, /^VRAM Total Memory \(B\)$/));
  if (total === null) return undefined;
  const unique = find(cells, /^Unique ID$/i)?.replace(/^0x/, '');
  const busId = find(cells, /^PCI Bus$/) ?? '';
  return {
    ...facts,
    // ROCR_VISIBLE_DEVICES takes this form; cards without an id of their own are named by their place.
    uuid:
      unique === undefined || !/^[0-9a-f]{1,16}$/i.test(unique) ? `AMD-${busId === '' ? facts.index : busId}` : `GPU-${unique.toLowerCase().padStart(16, '0')}`,
    name: find(cells, /^Card series$/i) ?? find(cells, /^(Device Name|Card model)$/i) ?? 'AMD GPU',
    vendor: 'amd',
    busId,
    memoryTotalBytes: total,
    memoryUsedBytes: numberOf(find(cells, /^VRAM Total Used Memory \(B\)$/)) ?? 0,
    sharesMemory: false,
    utilizationPercent: numberOf(find(cells, /^GPU use \(%\)$/)),
    temperatureC: numberOf(find(cells, /^Temperature \(Sensor junction\)/) ?? find(cells, /^Temperature \(Sensor edge\)/)),
    powerW: numberOf(find(cells, /Package Power \(W\)$/, /Max/)),
    powerLimitW: numberOf(find(cells, /^Max Graphics Package Power/)),
    partOf: null,
    fault: null,
  };
}

/** `PID3157`: `python, GPUs, bytes, …`. */
function processesOf(system: Cells): readonly SeenProcess[] {
  return Object.entries(system).flatMap(([key, value]) => {
    const pid = /^PID(\d+)$/.exec(key)?.[1];
    if (pid === undefined || typeof value !== 'string') return [];
    const [name = '', , memory] = value.split(',').map((part) => part.trim());
    return [{ pid: Number(pid), name, memoryBytes: numberOf(memory) }];
  });
}

function find(cells: Cells, name: RegExp, except?: RegExp): string | undefined {
  const [, value] = Object.entries(cells).find(([key]) => name.test(key) && except?.test(key) !== true) ?? [];
  return typeof value === 'string' && value !== '' && value !== 'N/A' ? value : undefined;
}

function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

function isCells(value: unknown): value is Cells {
  return typeof value === 'object' && value !== null;
}
