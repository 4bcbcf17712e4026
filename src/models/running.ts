/** What the life cycle asks of whatever runs a model in a process on this machine: a llama child, a server that was started. Types, their one error, and its words. */
import type { LeasedDevice } from '../gpu/tenants.ts';
import { describeExit, type ExitStatus } from '../kernel/child.ts';
import type { ProcessIdentity } from '../kernel/process-identity.ts';
import type { ModelEngine } from './engine.ts';

/** A model that can be asked. */
export interface RunningModel {
  readonly engine: ModelEngine;
  readonly pid: number;
  /** Settles once, when the process is gone. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  readonly hasEnded: () => boolean;
  /** The last lines it wrote, oldest first. */
  readonly lines: () => readonly string[];
  /** How it was loaded in the end. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** Ends it at once. Resolves when none of its processes is left. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Where it may lie; empty: in main memory. */
  readonly devices: readonly LeasedDevice[];
  /** To be had by every process that is started: they are found by it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Called before the process takes memory; it waits for it. */
  onProcess(process: ProcessIdentity): Promise<void>;
  /** 0 to 1. */
  onProgress(value: number): void;
}

/** The process that ran a model ended while it was needed. */
export class EngineEnded extends Error {
  override readonly name = 'EngineEnded';
}

/** Why a process that ran a model is gone, in words that a person can act on. */
export function explainExit(name: string, status: Pick<ExitStatus, 'code' | 'signal'>, lines: readonly string[]): string {
  const cause =
    status.signal === 'SIGKILL'
      ? ' (the kernel does that when memory runs out)'
      : status.signal === 'SIGSEGV' || status.signal === 'SIGABRT' || status.signal === 'SIGBUS'
        ? ' (the engine crashed: the file may be broken, or of a kind it does not know)'
        : '';
  const words = lines.length === 0 ? '' : ` Last lines: ${lines.slice(-3).join(' | ')}`;
  return `the engine of ${name} ended: ${describeExit(status)}${cause}.${words}`;
}
