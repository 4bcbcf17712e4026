/** Runs foreign JavaScript in warm child processes, one run at a time each. A child that overruns its time is killed and replaced,
 *  so that nothing inside WebAssembly has to be trusted to stop. Never shares a runtime between two runs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import { deferred, type Deferred } from '../kernel/deferred.ts';
import type { Logger } from '../kernel/log.ts';
import { NodeError } from '../nodes/kit.ts';
import type { SandboxPort } from '../nodes/kit-ports.ts';
import type { SandboxReply, SandboxRequest } from './sandbox-child.ts';

/** Two: one long run does not hold up the others, and each costs some 50 MiB while warm. */
const MAX_CHILDREN = 2;
const IDLE_MS = 60_000;
const START_LIMIT_MS = 15_000;
/** QuickJS looks at its deadline between operations; one regular expression can take longer and is ended from outside. */
const KILL_GRACE_MS = 500;
/** Of the child's own heap; a run's memory is WebAssembly's and limited inside. */
const CHILD_HEAP_MB = 96;

type Run = Parameters<SandboxPort['run']>[0];

interface Task {
  readonly run: Run;
  readonly reply: Deferred<Json>;
}

interface Worker {
  readonly child: ChildProcess;
  isReady: boolean;
  task: Task | undefined;
  disarm: () => void;
}

export interface Sandbox extends SandboxPort {
  stop(): Promise<void>;
}

export function createSandbox(parts: { readonly clock: Clock; readonly log: Logger }): Sandbox {
  const { clock, log } = parts;
  const waiting: Task[] = [];
  const workers = new Set<Worker>();
  let isStopped = false;
  let failedStarts = 0;
  let nextId = 1;

  function startWorker(): void {
    const path = fileURLToPath(new URL(`./sandbox-child.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url));
    const args = [`--max-old-space-size=${CHILD_HEAP_MB}`, '--disallow-code-generation-from-strings', path, '--studio-sandbox'];
    const child = spawn(process.execPath, args, { env: {}, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'json' });
    const worker: Worker = { child, isReady: false, task: undefined, disarm: clock.after(START_LIMIT_MS, () => child.kill('SIGKILL')) };
    workers.add(worker);
    child.on('message', (reply: SandboxReply) => onReply(worker, reply));
    child.on('error', (error) => onGone(worker, error.message));
    child.on('exit', (code, signal) => onGone(worker, signal ?? `code ${code}`));
  }

  function onReply(worker: Worker, reply: SandboxReply): void {
    if (reply.kind === 'log') return worker.task?.run.onLog(reply.line);
    worker.disarm();
    const { task } = worker;
    worker.task = undefined;
    worker.isReady = true;
    failedStarts = 0;
    if (reply.kind === 'value') task?.reply.resolve(JSON.parse(reply.value) as Json);
    if (reply.kind === 'error') {
      task?.reply.reject(new NodeError(reply.code, reply.message, { final: reply.code === 'code_syntax' || reply.code === 'code_memory' }));
      // A heap that ran full may not have been given back whole.
      if (reply.code === 'code_memory') return endWorker(worker);
    }
    pump();
  }

  function onGone(worker: Worker, how: string): void {
    if (!workers.delete(worker)) return;
    worker.disarm();
    if (worker.task !== undefined) worker.task.reply.reject(new NodeError('code_crashed', `the sandbox ended while the code ran (${how})`));
    else if (!worker.isReady && !isStopped) onFailedStart(how);
    pump();
  }

  function onFailedStart(how: string): void {
    failedStarts++;
    log.error({ how, failedStarts }, 'the sandbox process did not start');
    if (failedStarts < 3) return;
    failedStarts = 0;
    for (const task of waiting.splice(0))
      task.reply.reject(new NodeError('sandbox_unavailable', `the sandbox process does not start (${how}); look at the log of Studio`));
  }

  /** Takes a worker out of use; its task, if any, has been answered. */
  function endWorker(worker: Worker): void {
    workers.delete(worker);
    worker.disarm();
    worker.child.kill('SIGKILL');
    pump();
  }

  function pump(): void {
    if (isStopped) return;
    for (const worker of workers) {
      if (!worker.isReady || worker.task !== undefined) continue;
      const task = waiting.shift();
      if (task === undefined) arm(worker, IDLE_MS, () => endWorker(worker));
      else begin(worker, task);
    }
    const starting = [...workers].filter((worker) => !worker.isReady).length;
    if (waiting.length > starting && workers.size < MAX_CHILDREN) startWorker();
  }

  function begin(worker: Worker, task: Task): void {
    const { source, globals, timeoutMs, memoryBytes } = task.run;
    worker.task = task;
    const texts = Object.fromEntries(Object.entries(globals).map(([name, value]) => [name, JSON.stringify(value)]));
    worker.child.send({ id: nextId++, source, globals: texts, timeoutMs, memoryBytes } satisfies SandboxRequest);
    arm(worker, timeoutMs + KILL_GRACE_MS, () => {
      worker.task = undefined;
      task.reply.reject(new NodeError('code_timeout', `the code ran longer than ${timeoutMs} ms and was ended`));
      endWorker(worker);
    });
  }

  function arm(worker: Worker, ms: number, callback: () => void): void {
    worker.disarm();
    worker.disarm = clock.after(ms, callback);
  }

  function abort(task: Task): void {
    task.reply.reject(task.run.signal.reason);
    const index = waiting.indexOf(task);
    if (index >= 0) waiting.splice(index, 1);
    for (const worker of workers) {
      if (worker.task !== task) continue;
      worker.task = undefined;
      endWorker(worker);
    }
  }

  return {
    async run(run) {
      if (isStopped) throw new NodeError('sandbox_unavailable', 'Studio is stopping');
      run.signal.throwIfAborted();
      const task: Task = { run, reply: deferred() };
      const onAbort = (): void => abort(task);
      run.signal.addEventListener('abort', onAbort, { once: true });
      waiting.push(task);
      pump();
      try {
        return await task.reply.promise;
      } finally {
        run.signal.removeEventListener('abort', onAbort);
      }
    },
    async stop() {
      isStopped = true;
      for (const task of waiting.splice(0)) task.reply.reject(new NodeError('sandbox_unavailable', 'Studio is stopping'));
      const ending = [...workers].map((worker) => {
        worker.disarm();
        const exited = new Promise<void>((resolve) => worker.child.once('exit', () => resolve()));
        worker.child.kill('SIGKILL');
        return worker.child.exitCode === null && worker.child.signalCode === null ? exited : Promise.resolve();
      });
      await Promise.all(ending);
    },
  };
}
