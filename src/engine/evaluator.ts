/** Runs full JSONata in a warm child process with a heap limit, killed when one evaluation takes too long. One evaluation at a time
 *  a child, so that a kill hits the guilty. Started with the first expression that needs it, ended when idle. Never sees secrets. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import { deferred, type Deferred } from '../kernel/deferred.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { NodeError } from '../nodes/kit.ts';
import type { ChildReply, ChildRequest } from './expression-child.ts';
import type { Expression } from './expression.ts';
import type { InputChecker, InputFault } from './input-schema.ts';
import type { Evaluator, ExpressionScope } from './resolve.ts';

export interface EvaluatorOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Program and arguments of the child. Default: this Node with expression-child next to this file. */
  readonly program?: { readonly command: string; readonly args: readonly string[] };
}

export interface ChildEvaluator extends Evaluator, InputChecker {
  stop(): Promise<void>;
}

/** CONTRACTS, Limits: of processor time; a machine under load may take longer by the wall. */
const LIMIT_MS = 50;
/** For a schema and up to 10,000 inputs; the first one also loads the checker. */
const INPUTS_LIMIT_MS = 1_000;
/** By the wall: whatever the load, nobody waits longer for one expression. */
const WALL_LIMIT_MS = 2_000;
const START_LIMIT_MS = 10_000;
const HEAP_MB = 64;
/** A scope that has to travel whole. */
const MAX_SCOPE_BYTES = 16 * 1024 * 1024;
const IDLE_MS = 60_000;

interface Task {
  readonly kind: ChildRequest['kind'];
  readonly limitMs: number;
  /** What it is, and what to do when it is too much, for messages. */
  readonly name: string;
  readonly remedy: string;
  readonly source: string;
  readonly scope: string;
  readonly reply: Deferred<Json>;
}

export function createEvaluator(options: EvaluatorOptions): ChildEvaluator {
  const { clock, log } = options;
  const queue: Task[] = [];
  let child: ChildProcess | undefined;
  let isReady = false;
  let current: Task | undefined;
  let stopTimer: (() => void) | undefined;
  let nextId = 1;
  let isStopped = false;
  let failedStarts = 0;

  function ensureChild(): void {
    if (child !== undefined || isStopped) return;
    const { command, args } = options.program ?? defaultProgram();
    // An empty environment: nothing to read for an expression that found a way.
    const started = spawn(command, [...args], { env: {}, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'json' });
    child = started;
    isReady = false;
    started.on('message', (reply: ChildReply) => onReply(started, reply));
    started.on('error', (error) => onGone(started, messageOf(error)));
    started.on('exit', (code, signal) => onGone(started, signal ?? `code ${code}`));
    arm(START_LIMIT_MS, () => started.kill('SIGKILL'));
  }

  function onReply(from: ChildProcess, reply: ChildReply): void {
    if (from !== child) return;
    disarm();
    if (reply.id === -1) {
      isReady = true;
      failedStarts = 0;
    } else if (current !== undefined) {
      const task = current;
      current = undefined;
      if ('error' in reply)
        task.reply.reject(new NodeError('expression_failed', task.kind === 'inputs' ? reply.error : `${reply.error} (in "${short(task.source)}")`));
      else task.reply.resolve(JSON.parse(reply.value) as Json);
    }
    pump();
  }

  function onGone(gone: ChildProcess, how: string): void {
    if (gone !== child) return;
    disarm();
    child = undefined;
    if (current !== undefined) {
      // Ended by itself: the heap limit, as a rule.
      current.reply.reject(
        new NodeError('expression_limit', `${current.name} used more than ${HEAP_MB} MiB of memory or its process ended (${how}); ${current.remedy}`, {
          final: true,
        }),
      );
      current = undefined;
    } else if (!isReady && !isStopped) {
      failedStarts++;
      log.error({ how, failedStarts }, 'the expression process did not start');
      if (failedStarts >= 3) {
        failedStarts = 0;
        for (const task of queue.splice(0))
          task.reply.reject(new NodeError('expression_unavailable', `the expression process does not start (${how}); look at the log of Studio`));
      }
    }
    if (queue.length > 0) ensureChild();
  }

  function pump(): void {
    if (isStopped || current !== undefined) return;
    const task = queue[0];
    if (task === undefined) {
      if (child !== undefined && isReady) arm(IDLE_MS, endIdle);
      return;
    }
    ensureChild();
    if (!isReady || child === undefined) return;
    queue.shift();
    current = task;
    const usedBefore = cpuMsOf(child.pid);
    child.send({ id: nextId++, kind: task.kind, source: task.source, scope: task.scope } satisfies ChildRequest);
    watch(child, task, usedBefore, task.limitMs);
  }

  /** Kills at the limit of processor time; asks again while the machine, not the expression, is slow. */
  function watch(of: ChildProcess, task: Task, usedBefore: number | undefined, afterMs: number, spentMs = 0): void {
    arm(afterMs, () => {
      const usedNow = cpuMsOf(of.pid);
      const usedMs = usedBefore === undefined || usedNow === undefined ? task.limitMs : usedNow - usedBefore;
      const wallMs = spentMs + afterMs;
      if (usedMs < task.limitMs && wallMs < WALL_LIMIT_MS + task.limitMs)
        return watch(of, task, usedBefore, Math.max(5, Math.ceil(task.limitMs - usedMs)), wallMs);
      current = undefined;
      child = undefined;
      of.kill('SIGKILL');
      task.reply.reject(new NodeError('expression_limit', `${task.name} ran longer than ${task.limitMs} ms; ${task.remedy}`, { final: true }));
      ensureChild();
    });
  }

  function endIdle(): void {
    const idle = child;
    child = undefined;
    idle?.kill('SIGTERM');
  }

  function arm(ms: number, callback: () => void): void {
    disarm();
    stopTimer = clock.after(ms, callback);
  }

  function disarm(): void {
    stopTimer?.();
    stopTimer = undefined;
  }

  function enqueue(work: Omit<Task, 'reply'>): Promise<Json> {
    if (isStopped) return Promise.reject(new NodeError('expression_unavailable', 'Studio is stopping'));
    const task: Task = { ...work, reply: deferred() };
    queue.push(task);
    if (child !== undefined && isReady && current === undefined) disarm();
    ensureChild();
    pump();
    return task.reply.promise;
  }

  return {
    evaluate(expression, scope) {
      const text = scopeText(expression, scope);
      if (text.length > MAX_SCOPE_BYTES) {
        return Promise.reject(
          new NodeError(
            'expression_limit',
            `the expression "${short(expression.source)}" reads ${text.length} bytes, the limit is ${MAX_SCOPE_BYTES}; name the part it needs, or use a code.js step`,
            { final: true },
          ),
        );
      }
      const name = `the expression "${short(expression.source)}"`;
      return enqueue({
        kind: 'expression',
        limitMs: LIMIT_MS,
        name,
        remedy: 'simplify it, or move the work into a code.js step',
        source: expression.source,
        scope: text,
      });
    },
    async checkInputs(schema, inputs) {
      const remedy = 'simplify the patterns and alternatives of the schema, or send less';
      const value = await enqueue({ kind: 'inputs', limitMs: INPUTS_LIMIT_MS, name: 'the check', remedy, source: schema, scope: inputs });
      return value as unknown as InputFault | null;
    },
    async stop() {
      isStopped = true;
      disarm();
      const left = child;
      child = undefined;
      for (const task of [...queue.splice(0), ...(current === undefined ? [] : [current])])
        task.reply.reject(new NodeError('expression_unavailable', 'Studio is stopping'));
      current = undefined;
      if (left === undefined || left.exitCode !== null) return;
      const exited = new Promise<void>((resolve) => left.once('exit', () => resolve()));
      left.kill('SIGKILL');
      await exited;
    },
  };
}

function defaultProgram(): { command: string; args: readonly string[] } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const path = fileURLToPath(new URL(`./expression-child.${extension}`, import.meta.url));
  return { command: process.execPath, args: [`--max-old-space-size=${HEAP_MB}`, '--disallow-code-generation-from-strings', path, '--studio-expressions'] };
}

/** JSON of what the expression reads, no more. */
function scopeText(expression: Expression, scope: ExpressionScope): string {
  const { roots, steps } = expression.reads;
  const entries = Object.entries(scope).filter(([name]) => roots === null || roots.has(name));
  const reduced = entries.map(([name, value]) => (name === 'steps' && steps !== null ? [name, pickSteps(scope.steps, steps)] : [name, value]));
  return JSON.stringify(Object.fromEntries(reduced));
}

function pickSteps(all: ExpressionScope['steps'], keys: ReadonlySet<string>): ExpressionScope['steps'] {
  return Object.fromEntries([...keys].flatMap((key) => (Object.hasOwn(all, key) && all[key] !== undefined ? [[key, all[key]]] : [])));
}

/** Processor time of a process's main thread in ms; undefined where the kernel does not tell. */
function cpuMsOf(pid: number | undefined): number | undefined {
  try {
    const nanoseconds = Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]);
    return Number.isFinite(nanoseconds) ? nanoseconds / 1e6 : undefined;
  } catch {
    return undefined;
  }
}

function short(source: string): string {
  return source.length > 80 ? `${source.slice(0, 77)}…` : source;
}
