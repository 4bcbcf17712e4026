/** The one transition table of instances and steps. Pure. Every change of state asks here first; an illegal move by a caller is 409. */
import { isTerminalStep, type InstanceStatus, type StepStatus } from '../contract/values.ts';
import { fail } from '../kernel/fail.ts';

const instanceMoves: Readonly<Record<InstanceStatus, readonly InstanceStatus[]>> = {
  pending: ['running', 'cancelled'],
  running: ['waiting', 'paused', 'completed', 'failed', 'cancelled'],
  waiting: ['running', 'paused', 'completed', 'failed', 'cancelled'],
  paused: ['running', 'waiting', 'completed', 'failed', 'cancelled'],
  // Reopened by an explicit retry, or by a step's new generation that leads on.
  completed: ['running'],
  failed: ['running'],
  cancelled: ['running'],
};

/** Within one generation. A new generation starts at pending, whatever the old one was. */
const stepMoves: Readonly<Record<StepStatus, readonly StepStatus[]>> = {
  pending: ['queued', 'running', 'waiting', 'completed', 'failed', 'skipped', 'cancelled', 'timed_out', 'cached'],
  queued: ['running', 'waiting', 'completed', 'failed', 'skipped', 'cancelled', 'timed_out'],
  running: ['queued', 'waiting', 'completed', 'failed', 'skipped', 'cancelled', 'timed_out'],
  waiting: ['queued', 'running', 'waiting', 'completed', 'failed', 'skipped', 'cancelled', 'timed_out'],
  completed: [],
  failed: [],
  skipped: [],
  cancelled: [],
  timed_out: [],
  cached: [],
};

export function mayMoveInstance(from: InstanceStatus, to: InstanceStatus): boolean {
  return instanceMoves[from].includes(to);
}

export function mayMoveStep(from: StepStatus, to: StepStatus): boolean {
  return stepMoves[from].includes(to);
}

/** @throws Error: the engine itself tried an impossible move, which is a bug */
export function assertStepMove(path: string, from: StepStatus, to: StepStatus): void {
  if (!mayMoveStep(from, to)) throw new Error(`step ${path} can't go from ${from} to ${to}`);
}

/** @throws Error, as above */
export function assertInstanceMove(id: string, from: InstanceStatus, to: InstanceStatus): void {
  if (!mayMoveInstance(from, to)) throw new Error(`instance ${id} can't go from ${from} to ${to}`);
}

export type InstanceCommand = 'start' | 'pause' | 'resume' | 'cancel' | 'retry';

const commandStates: Readonly<Record<InstanceCommand, readonly InstanceStatus[]>> = {
  start: ['pending'],
  pause: ['running', 'waiting'],
  // `waiting` and `running`: where steps are paused for debugging.
  resume: ['paused', 'waiting', 'running'],
  cancel: ['pending', 'running', 'waiting', 'paused'],
  retry: ['failed', 'cancelled'],
};

/** @throws AppError illegal_transition that names both */
export function requireInstanceState(id: string, status: InstanceStatus, command: InstanceCommand): void {
  const allowed = commandStates[command];
  if (allowed.includes(status)) return;
  const to = command === 'resume' ? 'paused instances, and those with steps paused for debugging' : `${allowed.join(', ')} instances`;
  fail('illegal_transition', { message: `instance ${id} is ${status}; ${command} applies to ${to}`, details: { status, allowed } });
}

export type StepCommand = 'start' | 'retry' | 'skip' | 'cancel' | 'complete' | 'result' | 'approve' | 'reject' | 'callback';

/** @throws AppError illegal_transition that names both */
export function requireStepState(path: string, status: StepStatus, command: StepCommand): void {
  if (allowsStep(status, command)) return;
  fail('illegal_transition', { message: `step ${path} is ${status}; ${command} applies to ${describeStates(command)}`, details: { status } });
}

function allowsStep(status: StepStatus, command: StepCommand): boolean {
  switch (command) {
    case 'retry':
    case 'result':
      return isTerminalStep(status);
    case 'skip':
      return !isTerminalStep(status);
    case 'cancel':
      return status === 'queued' || status === 'running' || status === 'waiting';
    case 'start':
    case 'complete':
    case 'callback':
    case 'approve':
    case 'reject':
      return status === 'waiting';
  }
}

function describeStates(command: StepCommand): string {
  if (command === 'retry' || command === 'result') return 'ended steps';
  if (command === 'skip') return 'steps that have not ended';
  return command === 'cancel' ? 'queued, running and waiting steps' : 'waiting steps';
}
