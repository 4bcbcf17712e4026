/** What the life cycle asks of whatever runs a model in a process on this machine: a llama child, a server that was started. Types, and their one error. */
import type { LeasedDevice } from '../gpu/tenants.ts';
import type { ExitStatus } from '../kernel/child.ts';
import type { ProcessIdentity } from '../kernel/process-identity.ts';
import type { ModelEngine } from './engine.ts';

/** A model that can be asked. */
export interface RunningModel {
  readonly engine: ModelEngine;
  readonly pid: number;
  /** Settles once, when the process is gone. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** The last lines it wrote, oldest first. */
  readonly lines: () => readonly string[];
  /** How it was loaded in the end. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
  /** Resolves when none of its processes is left. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Where it may lie; empty: in main memory. */
  readonly devices: readonly LeasedDevice[];
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
