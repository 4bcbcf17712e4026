/** The one status table: word, hue and shape of every status. Chips, timelines, graph rings and charts all read it.
 *  A status is always shape + word + hue, never hue alone. */
import type { HealthState, InstanceStatus, JobStatus, MemberStatus, QueueState, ServiceState, StepStatus } from '../../src/contract/values.ts';

/** Names the tokens `--<hue>-text`, `--<hue>-tint`, `--<hue>-solid`. */
export type Hue = 'queued' | 'waiting' | 'running' | 'ok' | 'failed' | 'retry' | 'cancelled' | 'cached' | 'paused' | 'timed-out' | 'dead';

export type Shape = 'ring' | 'clock' | 'half' | 'check' | 'cross' | 'turn' | 'slash' | 'lines' | 'bars' | 'hourglass' | 'stop';

/** Statuses of the contract, and words that pages make from them. */
export type Status =
  | InstanceStatus
  | StepStatus
  | JobStatus
  | QueueState
  | ServiceState
  | HealthState
  | MemberStatus
  | 'invited'
  | 'expired'
  | 'void'
  | 'retrying'
  | 'enabled'
  | 'disabled'
  | 'unknown';

export interface StatusLook {
  readonly word: string;
  readonly hue: Hue;
  readonly shape: Shape;
  /** Set while it goes on: one slow pulse. */
  readonly moving?: true;
}

export const statusTable: Readonly<Record<Status, StatusLook>> = {
  pending: { word: 'Pending', hue: 'queued', shape: 'ring' },
  queued: { word: 'Queued', hue: 'queued', shape: 'ring' },
  waiting: { word: 'Waiting', hue: 'waiting', shape: 'clock' },
  running: { word: 'Running', hue: 'running', shape: 'half', moving: true },
  starting: { word: 'Starting', hue: 'running', shape: 'half', moving: true },
  paused: { word: 'Paused', hue: 'paused', shape: 'bars' },
  draining: { word: 'Draining', hue: 'paused', shape: 'bars' },
  completed: { word: 'Completed', hue: 'ok', shape: 'check' },
  ok: { word: 'Healthy', hue: 'ok', shape: 'check' },
  enabled: { word: 'On', hue: 'ok', shape: 'check' },
  active: { word: 'Active', hue: 'ok', shape: 'check' },
  suspended: { word: 'Suspended', hue: 'paused', shape: 'bars' },
  deactivated: { word: 'Deactivated', hue: 'cancelled', shape: 'slash' },
  invited: { word: 'Invited', hue: 'waiting', shape: 'clock' },
  expired: { word: 'Expired', hue: 'timed-out', shape: 'hourglass' },
  void: { word: 'Void', hue: 'cancelled', shape: 'slash' },
  failed: { word: 'Failed', hue: 'failed', shape: 'cross' },
  retrying: { word: 'Retrying', hue: 'retry', shape: 'turn', moving: true },
  backing_off: { word: 'Backing off', hue: 'retry', shape: 'turn' },
  unhealthy: { word: 'Not answering', hue: 'retry', shape: 'turn' },
  degraded: { word: 'Degraded', hue: 'retry', shape: 'turn' },
  cancelled: { word: 'Cancelled', hue: 'cancelled', shape: 'slash' },
  stopped: { word: 'Stopped', hue: 'cancelled', shape: 'slash' },
  disabled: { word: 'Off', hue: 'cancelled', shape: 'slash' },
  unknown: { word: 'Unknown', hue: 'queued', shape: 'ring' },
  cached: { word: 'Cached', hue: 'cached', shape: 'lines' },
  skipped: { word: 'Skipped', hue: 'cached', shape: 'lines' },
  timed_out: { word: 'Timed out', hue: 'timed-out', shape: 'hourglass' },
  dead: { word: 'Dead', hue: 'dead', shape: 'stop' },
};

/** How a status looks; one that this page does not know (a newer server's) is shown as it is spelled. */
export function statusLook(status: string): StatusLook {
  return Object.hasOwn(statusTable, status) ? statusTable[status as Status] : { ...statusTable.unknown, word: status };
}

/** The CSS colour of a status: `solid` for rings, bars and charts, `text` for words, `tint` below words. */
export function statusColor(status: string, part: 'text' | 'tint' | 'solid' = 'solid'): string {
  return `var(--${statusLook(status).hue}-${part})`;
}
