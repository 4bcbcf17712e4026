/** Asks nvidia-smi. One lost card makes it refuse to speak of all: then each is asked for by itself, and only the lost one is missing. */
import { totalmem } from 'node:os';
import { readdir } from 'node:fs/promises';
import { gpuOfRow, NEW_FIELDS, OLD_FIELDS, readProcesses, readRows, readUnreadable, unknownField, withMigInstances, type GpuRow } from './nvidia-text.ts';
import { findProgram, type ProgramEnd, type ProgramRunner } from './program.ts';
import { busKey, type Reading, type UnreadableGpu } from './reading.ts';

/** A driver that is being reset can hang; a page must not. */
const TIMEOUT_MS = 5_000;
/** As many cards as one machine has. */
const MAX_CARDS = 16;
const FORMAT = '--format=csv,noheader,nounits';

type Answer = { readonly kind: 'rows'; readonly rows: readonly GpuRow[]; readonly unreadable: readonly UnreadableGpu[] } | Extract<Reading, { kind: 'fault' }>;

/** @returns a function that looks once; it never rejects */
export function createNvidia(runner: ProgramRunner): () => Promise<Reading> {
  const program = 'nvidia-smi';
  // What this driver does not know is not asked for again.
  const unknown = new Set<string>();
  const fields = (): readonly string[] => [...OLD_FIELDS, ...NEW_FIELDS].filter((field) => !unknown.has(field));

  async function ask(path: string, id?: string): Promise<Answer> {
    for (;;) {
      const asked = fields();
      const end = await runner.run(path, [`--query-gpu=${asked.join(',')}`, FORMAT, ...(id === undefined ? [] : [`--id=${id}`])], TIMEOUT_MS);
      if (end.kind !== 'exit') return faultOf(end);
      const text = `${end.stdout}\n${end.stderr}`;
      const field = unknownField(text);
      if (field !== undefined && asked.includes(field)) {
        unknown.add(field);
        continue;
      }
      const rows = readRows(end.stdout, asked);
      const unreadable = readUnreadable(text);
      if (end.code === 0 || rows.length > 0 || unreadable.length > 0 || /No devices were found/.test(text)) return { kind: 'rows', rows, unreadable };
      return faultOf(end);
    }
  }

  /** Those that answer when asked by themselves; the kernel knows which there are, else numbers are tried. */
  async function askEach(path: string, first: readonly UnreadableGpu[]): Promise<Answer> {
    const buses = await readdir('/proc/driver/nvidia/gpus').catch((): string[] => []);
    const ids = buses.length > 0 ? buses : Array.from({ length: MAX_CARDS }, (_, index) => String(index));
    const answers = await Promise.all(ids.map((id) => ask(path, id)));
    const unreadable = new Map(
      [...first, ...answers.flatMap((answer) => (answer.kind === 'rows' ? answer.unreadable : []))].map((one) => [busKey(one.busId), one]),
    );
    return { kind: 'rows', rows: answers.flatMap((answer) => (answer.kind === 'rows' ? answer.rows : [])), unreadable: [...unreadable.values()] };
  }

  return async () => {
    const path = await findProgram(program);
    if (path === undefined) return { kind: 'absent', program, about: 'not on the PATH' };
    const [first, allApps] = await Promise.all([ask(path), askProcesses(path)]);
    const isSplit = first.kind === 'rows' && first.rows.length === 0 && first.unreadable.length > 0;
    const answer = isSplit ? await askEach(path, first.unreadable) : first;
    if (answer.kind === 'fault') return answer;
    const apps = isSplit ? (await Promise.all(answer.rows.map((row) => askProcesses(path, row['uuid'])))).join('\n') : allApps;
    const processes = readProcesses(apps);
    const machine = { totalBytes: totalmem(), usedBytes: Math.max(0, totalmem() - process.availableMemory()) };
    const whole = answer.rows.flatMap((row) => gpuOfRow(row, machine) ?? []).map((gpu) => ({ ...gpu, processes: processes.get(gpu.uuid) ?? [] }));
    const isCut = answer.rows.some((row) => row['mig.mode.current'] === 'Enabled');
    const gpus = isCut ? withMigInstances(whole, answer.rows, await askMig(path)) : whole;
    return { kind: 'devices', program, gpus, unreadable: answer.unreadable };
  };

  async function askProcesses(path: string, id?: string): Promise<string> {
    const args = ['--query-compute-apps=gpu_uuid,pid,used_memory,process_name', FORMAT, ...(id === undefined ? [] : [`--id=${id}`])];
    const end = await runner.run(path, args, TIMEOUT_MS);
    return end.kind === 'exit' ? end.stdout : '';
  }

  async function askMig(path: string): Promise<{ readonly list: string; readonly xml: string }> {
    const [list, xml] = await Promise.all([runner.run(path, ['-L'], TIMEOUT_MS), runner.run(path, ['-q', '-x'], TIMEOUT_MS)]);
    return { list: list.kind === 'exit' ? list.stdout : '', xml: xml.kind === 'exit' ? xml.stdout : '' };
  }

  function faultOf(end: ProgramEnd): Extract<Reading, { kind: 'fault' }> {
    if (end.kind === 'late') return { kind: 'fault', program, reason: `nvidia-smi did not answer within ${end.afterMs} ms`, isHang: true };
    if (end.kind === 'failed') return { kind: 'fault', program, reason: `nvidia-smi can't be started: ${end.reason}`, isHang: false };
    const text = `${end.stdout}\n${end.stderr}`.split('\n').map((line) => line.trim());
    const about = text.find(Boolean) ?? 'it printed nothing';
    return { kind: 'fault', program, reason: `nvidia-smi fails with ${end.code ?? 'a signal'}: ${about.slice(0, 300)}`, isHang: false };
  }
}
