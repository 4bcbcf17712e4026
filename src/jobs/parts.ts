/** What the files of jobs/ share: the parts they are given, and a job in hand. */
import type { CommandSpec } from '../contract/command.ts';
import type { JobStatus } from '../contract/values.ts';
import type { Files } from '../files/files.ts';
import type { GpuLedger } from '../gpu/ledger-port.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Egress } from '../kernel/egress.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import type { Environments, EnvironmentSettings } from './environments.ts';
import type { Pulse } from './adaptive.ts';
import type { Nursery } from './nursery.ts';
import type { Sizes } from './sizes.ts';
import type { Uids } from './uids.ts';

export interface JobsParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly workspacePath: string;
  readonly files: Files;
  readonly ledger: GpuLedger;
  /** The command of a step's job, secrets and all, and what to mask. Asked where the job runs. */
  readonly prepareJob: (step: StepOfJob) => Promise<{ readonly spec: CommandSpec; readonly redact: readonly string[] }>;
  readonly onJobStarted: (job: { readonly id: string; readonly workerId: string }) => void;
  /** Its process is gone and it is back in line. */
  readonly onJobRequeued: (job: { readonly id: string; readonly reason: string; readonly isPreempted: boolean }) => void;
  /** Must be safe to call twice. */
  readonly onJobEnded: (jobId: string) => void;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  /** What becomes of running jobs when Studio stops: `keep` leaves them running, `stop` ends them and puts them back in line. */
  readonly stopMode: 'keep' | 'stop';
  /** HTTP to the outside, as the org's administrators allow it. */
  readonly httpOf: (orgId: string) => Pick<Egress, 'open'>;
  /** Where virtual environments are kept, and how much of them. */
  readonly environments: EnvironmentSettings;
  /** Whether the drop folder is looked at. */
  readonly takesDrops: boolean;
  /** The drop folder; default: jobs/drop in the workspace. Elsewhere where the workspace's volume knows no modes. */
  readonly dropPath?: string | undefined;
  readonly limits?: Partial<JobLimits>;
  /** Default: the built-in worker, which takes from all queues. */
  readonly worker?: WorkerSettings;
  /** Hears of each attempt whose end stands, for figures and traces; must not throw. */
  readonly observe?: ((attempt: EndedAttempt) => void) | undefined;
  /** Hears of each attempt that is back in line; must not throw. */
  readonly observeRequeued?: ((attempt: PastAttempt & { readonly reason: string }) => void) | undefined;
  /** Under which trace the programs of an attempt may tell of themselves. */
  readonly traceparentOf?: ((attempt: Pick<PastAttempt, 'jobId' | 'attempt' | 'step'>) => string | undefined) | undefined;
}

/** An attempt of a job that is over. Times are ms since 1970. */
interface PastAttempt {
  readonly jobId: string;
  readonly orgId: string;
  readonly queue: string;
  readonly type: string;
  readonly name: string | undefined;
  readonly workerId: string;
  readonly attempt: number;
  readonly step: StepOfJob | undefined;
  readonly createdMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

/** One that the job came to its end with. */
export interface EndedAttempt extends PastAttempt {
  readonly status: JobStatus;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly reason: string | undefined;
  /** What went wrong, as it is told to people. */
  readonly message: string | undefined;
}

export interface StepOfJob {
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
}

export interface JobLimits {
  /** Between TERM and KILL. */
  readonly graceMs: number;
  readonly logBytes: number;
  readonly leaseMs: number;
  readonly pollMs: number;
}

export const DEFAULT_LIMITS: JobLimits = { graceMs: 5_000, logBytes: 1024 ** 3, leaseMs: 30_000, pollMs: 1_000 };

export interface WorkerSettings {
  /** False: of another process than the Studio whose jobs it runs. */
  readonly isBuiltIn: boolean;
  /** Where the process keeps what is its own; default: the workspace. */
  readonly ownPath?: string;
  /** Empty: all. */
  readonly queues: readonly string[];
  /** Of another process: that it knows the shared secret, for its id. */
  readonly proofFor?: (workerId: string) => string;
  /** Of the Studio itself: lets others in. */
  readonly admit?: () => Promise<void>;
  /** Of another process: told when it may not take jobs, and (null) when it may. */
  readonly onRefused?: (reason: string | null) => void;
}

/** Whether a worker takes jobs from the queue. */
export function serves({ queues }: WorkerSettings, queue: string): boolean {
  return queues.length === 0 || queues.includes(queue);
}

/** How often a vanished process is tried again before the job is dead. Source: CONTRACTS (Queues). */
export const MAX_ORPHANED = 3;

/** Why a running attempt is to be ended. */
export type StopOrder =
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'timeout'; readonly limitMs: number }
  /** Studio stops: the job goes back in line. */
  | { readonly kind: 'requeue' }
  /** What it holds is needed for something more important, or its device is lost: it goes back in line. */
  | { readonly kind: 'evicted'; readonly by: 'needed' | 'device'; readonly message: string }
  /** It used more memory, of its device or of the machine, than it was granted. */
  | { readonly kind: 'outgrown'; readonly of: 'vram' | 'memory'; readonly message: string }
  /** The job is another worker's by now: end the processes, write nothing. */
  | { readonly kind: 'lost' };

export interface RunParts extends Omit<JobsParts, 'limits' | 'stopMode' | 'environments' | 'takesDrops' | 'worker'> {
  readonly worker: WorkerSettings;
  readonly environments: Environments;
  readonly limits: JobLimits;
  readonly uids: Uids | undefined;
  readonly sizes: Sizes;
  readonly nursery: Nursery;
  /** How attempts of a queue begin and end. */
  readonly pulseOf: (queue: string) => Pulse;
  /** Something may be claimed from these queues. */
  readonly wake: (queues: readonly string[]) => void;
  /** The log of a job grew, or the job ended. */
  readonly onLog: (jobId: string) => void;
}
