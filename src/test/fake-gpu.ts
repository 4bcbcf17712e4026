/** A machine with GPUs, for tests: a real program `nvidia-smi` on the PATH that answers from files, so that the parser and the waiting are real.
 *  What it says can be changed while Studio runs, also from another process: it is only files below `state`.
 *
 *    const gpu = fakeGpu(t, 'one-24gb');               // a fixture: a folder of fake-gpu/ with what nvidia-smi prints there
 *    gpu.onPath();                                     // this process and its children find it (put back after the test); or hand `gpu.env` to a child
 *    gpu.setProcesses([{ uuid, pid: 4711, memoryMib: 9000, name: 'python' }]);   // an external process; memory.used grows by it
 *    gpu.setCard(uuid, { 'utilization.gpu': '97', 'temperature.gpu': '[N/A]' }); // any cell, as nvidia-smi prints it
 *    gpu.lose(uuid);    gpu.remove(uuid);              // fallen off the bus; not there any more (others keep their numbers)
 *    gpu.fail('Failed to initialize NVML: Driver/library version mismatch', 18); gpu.hang(); gpu.work(); gpu.use('eight-80gb');
 *    gpu.xid({ busId: '0000:01:00', number: 79, text: 'GPU has fallen off the bus.' });   // a line in the kernel's log at gpu.kernelLog
 *
 *  A real process (a job, an engine) takes memory by writing `$FAKE_GPU/processes/$$`; it is given back when the process is gone, however it ends:
 *    echo "$CUDA_VISIBLE_DEVICES, 5000, python" > "$FAKE_GPU/processes/$$"      # uuid, MiB, name
 *  `holdMemory(mib, forSeconds)` is a script that does so. Fixtures: 1×24 GB, 8×80 GB, MIG (its memory is fixed), a driver that does not know
 *  the newer fields, a card that shares the machine's memory. To add one: gpu.csv (columns are named by the first line), apps.csv, list.txt. */
import { appendFileSync, chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export type FakeGpuFixture = 'one-24gb' | 'eight-80gb' | 'mig' | 'unknown-fields' | 'unified';

export interface FakeGpuProcess {
  readonly uuid: string;
  readonly pid: number;
  /** null: the driver does not tell, as in a container. */
  readonly memoryMib: number | null;
  readonly name: string;
}

export interface FakeGpu {
  /** Where the program's files lie; FAKE_GPU in `env`. */
  readonly state: string;
  /** PATH with the program first, and FAKE_GPU. */
  readonly env: { readonly PATH: string; readonly FAKE_GPU: string };
  /** A file that stands for /dev/kmsg. */
  readonly kernelLog: string;
  /** Of the fixture's cards, in order. */
  readonly uuids: readonly string[];
  /** How often the program was called, and with what. */
  readonly calls: readonly string[];
  onPath(): void;
  use(fixture: FakeGpuFixture): void;
  setCard(uuid: string, cells: Readonly<Record<string, string>>): void;
  setProcesses(processes: readonly FakeGpuProcess[]): void;
  lose(uuid: string, reason?: string): void;
  find(uuid: string): void;
  remove(uuid: string): void;
  fail(message: string, exitCode: number): void;
  hang(): void;
  /** Ends a failure or a hang. */
  work(): void;
  xid(line: { readonly busId: string; readonly number: number; readonly text: string }): void;
}

/** @param t its end takes the files away and puts the PATH back */
export function fakeGpu(t: { after(work: () => void): void }, fixture: FakeGpuFixture = 'one-24gb'): FakeGpu {
  const folder = mkdtempSync(join(tmpdir(), 'studio-fake-gpu-'));
  const state = join(folder, 'state');
  const kernelLog = join(folder, 'kmsg');
  const before = process.env['PATH'] ?? '';
  const env = { PATH: `${folder}${delimiter}${before}`, FAKE_GPU: state };
  // A program may be reading: a file changes at once or not at all.
  const write = (name: string, text: string): void => {
    writeFileSync(join(state, `${name}.new`), text);
    renameSync(join(state, `${name}.new`), join(state, name));
  };
  const read = (name: string): string => readFileSync(join(state, name), 'utf8');
  const drop = (name: string): void => rmSync(join(state, name), { force: true });
  const rows = (): { columns: readonly string[]; cells: string[][] } => {
    const [head = '', ...lines] = read('gpu.csv').trimEnd().split('\n');
    return { columns: head.split(', '), cells: lines.map((line) => line.split(', ')) };
  };
  const writeRows = (table: { readonly columns: readonly string[]; readonly cells: readonly (readonly string[])[] }): void =>
    write('gpu.csv', `${[table.columns, ...table.cells].map((cells) => cells.join(', ')).join('\n')}\n`);

  mkdirSync(join(state, 'processes'), { recursive: true });
  // A job may run as a user of its own.
  for (const path of [folder, state]) chmodSync(path, 0o755);
  chmodSync(join(state, 'processes'), 0o1777);
  copyFileSync(join(import.meta.dirname, 'fake-gpu/nvidia-smi.sh'), join(folder, 'nvidia-smi'));
  chmodSync(join(folder, 'nvidia-smi'), 0o755);
  for (const [path, text] of [
    [join(state, 'calls'), ''],
    [join(state, 'lost'), ''],
    [kernelLog, ''],
  ] as const)
    writeFileSync(path, text);
  cpSync(join(import.meta.dirname, 'fake-gpu', fixture), state, { recursive: true });
  t.after(() => {
    if (process.env['PATH'] === env.PATH) process.env['PATH'] = before;
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    state,
    env,
    kernelLog,
    get uuids() {
      const { columns, cells } = rows();
      return cells.map((row) => row[columns.indexOf('uuid')] ?? '');
    },
    get calls() {
      return read('calls').trimEnd().split('\n').filter(Boolean);
    },
    onPath() {
      process.env['PATH'] = env.PATH;
    },
    use: (name) => cpSync(join(import.meta.dirname, 'fake-gpu', name), state, { recursive: true }),
    setCard(uuid, cells) {
      const table = rows();
      writeRows({
        columns: table.columns,
        cells: table.cells.map((row) => (row.includes(uuid) ? row.map((cell, index) => cells[table.columns[index] ?? ''] ?? cell) : row)),
      });
    },
    setProcesses(processes) {
      const lines = processes.map(({ uuid, pid, memoryMib, name }) => `${uuid}, ${pid}, ${memoryMib ?? '[N/A]'}, ${name}\n`);
      write('apps.csv', `gpu_uuid, pid, used_memory, process_name\n${lines.join('')}`);
    },
    lose: (uuid, reason = 'GPU is lost.  Reboot the system to recover this GPU') => write('lost', `${read('lost')}${uuid} ${reason}\n`),
    find: (uuid) =>
      write(
        'lost',
        read('lost')
          .split('\n')
          .filter((line) => !line.startsWith(`${uuid} `))
          .join('\n'),
      ),
    remove(uuid) {
      const table = rows();
      writeRows({ columns: table.columns, cells: table.cells.filter((row) => !row.includes(uuid)) });
    },
    fail: (message, exitCode) => write('fault', `${exitCode}\n${message}\n`),
    hang: () => write('hang', ''),
    work() {
      drop('fault');
      drop('hang');
    },
    xid: ({ busId, number, text }) => appendFileSync(kernelLog, `4,1187,5123456789,-;NVRM: Xid (PCI:${busId}): ${number}, pid=4711, name=python3, ${text}\n`),
  };
}

/** A shell script that holds memory of its device on the fake, then ends. */
export function holdMemory(mib: number, forSeconds: number): string {
  return `echo "$CUDA_VISIBLE_DEVICES, ${mib}, python" > "$FAKE_GPU/processes/$$"; exec sleep ${forSeconds}`;
}
