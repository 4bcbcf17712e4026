/** Closed lists of words that the server and the browser share at run time. Imports nothing.
 *  Source: CONTRACTS (Statuses, Queues, Events). One spelling each; other systems' spellings are mapped at the edge that speaks them. */

export const instanceStatuses = ['pending', 'running', 'waiting', 'paused', 'completed', 'failed', 'cancelled'] as const;
export type InstanceStatus = (typeof instanceStatuses)[number];

export const stepStatuses = ['pending', 'queued', 'running', 'waiting', 'completed', 'failed', 'skipped', 'cancelled', 'timed_out', 'cached'] as const;
export type StepStatus = (typeof stepStatuses)[number];

export const jobStatuses = ['queued', 'running', 'completed', 'failed', 'cancelled', 'dead'] as const;
export type JobStatus = (typeof jobStatuses)[number];

export const queueStates = ['running', 'paused', 'draining'] as const;
export type QueueState = (typeof queueStates)[number];

/** `waiting`: for another service, a place among those that start, or GPU memory. `unhealthy`: it runs, and no longer answers its health check. */
export const serviceStates = ['waiting', 'starting', 'running', 'unhealthy', 'backing_off', 'stopped', 'failed'] as const;
export type ServiceState = (typeof serviceStates)[number];

/** Why a whole instance waits. */
export const waitingKinds = ['approval', 'timer', 'webhook', 'manual_trigger', 'debug_pause', 'limit'] as const;
export type WaitingKind = (typeof waitingKinds)[number];

/** Classes of data, by where they lie. */
export const placeClasses = [
  'database',
  'database_copy',
  'queue',
  'files',
  'jobs',
  'logs',
  'backups',
  'models',
  'environments',
  'keys',
  'state',
  'other',
] as const;

/** What a look at a domain comes to. */
export const domainVerdicts = ['ok', 'not_tunnelled', 'does_not_resolve', 'points_elsewhere', 'no_answer', 'another_answers'] as const;

/** What may leave the machine. */
export const outgoingKinds = [
  'database',
  'redis',
  'backups',
  'traces',
  'logs',
  'mail',
  'alerts',
  'notifications',
  'credentials',
  'models',
  'downloads',
  'tunnel',
  'pod',
  'start_gate',
  'workflows',
  'updates',
] as const;

/** Roles, weakest first; each includes the rights of those before it. `super_admin` is of the machine. */
/** Of the machine: people are not kept out, are warned, are kept out. */
export const maintenanceModes = ['off', 'warned', 'on'] as const;

export const roles = ['user', 'admin', 'super_admin'] as const;
export type Role = (typeof roles)[number];

/** Of a membership. `suspended`: shut out for now, keys and rights are kept. `deactivated`: left; their keys are gone, their name stays. */
export const memberStatuses = ['active', 'suspended', 'deactivated'] as const;
export type MemberStatus = (typeof memberStatuses)[number];

/** Who may use a credential: every member, administrators, or its maker and the people it names. */
export const credentialAccess = ['everyone', 'admins', 'people'] as const;
export type CredentialAccess = (typeof credentialAccess)[number];

export const triggerTypes = ['cron', 'webhook', 'form', 'event', 'file'] as const;
export type TriggerType = (typeof triggerTypes)[number];

/** Of comments on the canvas: names, so that each theme has its own shade. */
export const commentColours = ['grey', 'amber', 'green', 'blue', 'violet'] as const;
export type CommentColour = (typeof commentColours)[number];

/** What people are told of: how an instance ended, that it waits for them, what a notify step says, a test. */
export const notificationKinds = ['failed', 'completed', 'cancelled', 'waiting_approval', 'message', 'test'] as const;
export type NotificationKind = (typeof notificationKinds)[number];

export const notificationChannels = ['in_app', 'webhook', 'email'] as const;

/** `failed`: the last attempt failed, another follows. `dead`: given up; somebody may send it again. */
export const deliveryStatuses = ['queued', 'sent', 'failed', 'dead'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

/** What Studio looks at by itself. */
export const alertRules = ['api', 'database', 'redis', 'workers', 'jobs', 'disk', 'backup', 'backup_proof', 'gpu', 'gpu_hot', 'errors'] as const;
export type AlertRule = (typeof alertRules)[number];
export const alertSeverities = ['warning', 'critical'] as const;
export type AlertSeverity = (typeof alertSeverities)[number];

/** From what says most to what is worst. */
export const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

export const healthStates = ['starting', 'ok', 'degraded', 'draining'] as const;
export type HealthState = (typeof healthStates)[number];

/** What runs a model: a child of ours, a server beside us, a provider far away. */
export const modelEngines = ['llama', 'service', 'remote'] as const;
export type ModelEngineKind = (typeof modelEngines)[number];

/** Whether a model's files are there: on their way, whole, or not to be used (`fault` says why). */
export const modelStatuses = ['downloading', 'ready', 'broken'] as const;
export type ModelStatus = (typeof modelStatuses)[number];

/** What a model does right now. A remote one is `loaded` while its server answers. */
export const modelStates = ['unloaded', 'waiting', 'loading', 'loaded', 'draining', 'failed'] as const;

export const downloadStatuses = ['queued', 'running', 'paused', 'completed', 'failed', 'cancelled'] as const;
export type DownloadStatus = (typeof downloadStatuses)[number];

/** `draining`: takes nobody new. `lost`: gone or broken, nothing can run there. */
export const gpuStates = ['ok', 'draining', 'lost'] as const;

export function isTerminalInstance(status: InstanceStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

export function isTerminalJob(status: JobStatus): boolean {
  return status !== 'queued' && status !== 'running';
}

export function isTerminalStep(status: StepStatus): boolean {
  return status !== 'pending' && status !== 'queued' && status !== 'running' && status !== 'waiting';
}

/** The workflow and the sample file that the first administrator finds: the browser offers to run them. */
export const exampleWorkflowName = 'Example: summarise a table';
export const exampleFilePath = 'samples/measurements.csv';
