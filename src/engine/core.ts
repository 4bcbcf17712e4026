/** What the engine's effectful files share: its parts, the live instances, and who waits for them. Holds no behaviour beyond look-ups. */
import type { EngineCredentials } from './credentials.ts';
import type { Json } from '../contract/endpoint.ts';
import type { Definition, GraphNode } from '../contract/graph.ts';
import type { Failure } from '../contract/instances.ts';
import type { InstanceStatus } from '../contract/values.ts';
import type { LargeResults } from '../files/large.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { NodeError, NodeResult, NodeTypes } from '../nodes/kit.ts';
import type { DownloadPort, FilePort, HttpPort, ModelPort, SandboxPort } from '../nodes/kit-ports.ts';
import type { Database } from '../store/client.ts';
import type { Owner } from '../store/owners.ts';
import type { ChildEvaluator } from './evaluator.ts';
import type { FlightRecorder } from './flight-recorder.ts';
import type { FrameEnd, Outside } from './advance.ts';
import type { Trial } from './attempt.ts';
import type { Body } from './body.ts';
import type { Frame, Place, Ready } from './frame.ts';
import type { CompiledGraph, CompiledNode } from './graph.ts';
import type { Committed, Journal } from './journal.ts';
import type { Live } from './live.ts';
import type { Suspects } from './suspects.ts';
import type { EngineStore } from './store-port.ts';
import type { EngineNotify } from './tell.ts';

/** The queues, as the engine sees them. */
export interface EngineJobs {
  /** There is something to claim on `queue`. */
  wake(queue: string): void;
  cancel(jobId: string, reason: string): Promise<void>;
}

export interface EngineParts {
  readonly database: Database;
  /** Answers what the running engine asks; default: `database`. */
  readonly store?: EngineStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeTypes: NodeTypes;
  readonly filesOf: (orgId: string, instanceId: string) => FilePort;
  /** HTTP on behalf of an org: what it may reach is its settings. */
  readonly httpOf: (orgId: string) => HttpPort;
  readonly sandbox: SandboxPort;
  /** Where results too large for their row are kept. */
  readonly large: LargeResults;
  readonly secrets: { read(orgId: string, name: string): Promise<string | undefined> };
  /** Without it no step may use a credential. */
  readonly credentials?: EngineCredentials;
  readonly jobs: EngineJobs;
  /** Why no state of this machine could ever give a step what it asks for; undefined: one could. */
  readonly neverRuns?: (resources: NonNullable<GraphNode['resources']>) => string | undefined;
  /** Who tells people what steps say; without it such a step fails. */
  readonly notify?: EngineNotify;
  /** Who brings models here; without it such a step fails. */
  readonly downloadsOf?: (orgId: string) => DownloadPort;
  /** The models that a workflow of an org may ask; without it such a step fails. */
  readonly modelsOf?: (orgId: string, workflowId: string) => ModelPort;
  /** Remembers what is in flight over the death of this process. */
  readonly flightRecorder?: FlightRecorder;
  /** Hears of each commit of the journal, for figures and traces; must be quick, and never throw. */
  readonly observe?: ((commit: Committed) => void) | undefined;
  /** Looks on at what steps call outside, for traces: the port that they are given instead. */
  readonly watchCalls?: WatchCalls | undefined;
  /** A publish may have changed a schedule. */
  readonly onTriggersChanged?: () => void;
  /** This process is the only one on this database (the workspace lock says so): every other owner is dead. */
  readonly isAlone?: boolean;
  /** The program that evaluates expressions; default: this Node with expression-child beside. */
  readonly expressionProgram?: { readonly command: string; readonly args: readonly string[] };
  /** Random numbers in [0, 1), for jitter. */
  readonly random?: () => number;
}

export interface WatchCalls {
  http(port: HttpPort, step: CallingStep): HttpPort;
  models(port: ModelPort, step: CallingStep): ModelPort;
}

/** The attempt that calls. */
interface CallingStep {
  readonly orgId: string;
  readonly instanceId: string;
  readonly path: string;
  readonly generation: number;
  readonly attempt: number;
}

/** Called when an instance has ended, durably, or is not held by this process any more. */
export type EndListener = (status: InstanceStatus | 'released') => void;

/** A version, ready to run. */
export interface LoadedVersion {
  readonly graph: CompiledGraph;
  readonly definition: Definition;
  /** Who published it: on whose behalf its steps run. */
  readonly principal: string | null;
  /** Credentials that its steps name. */
  readonly credentials: readonly string[];
}

/** Calls against the direction of imports: who ends calls who began. Wired in engine.ts. */
export interface Turns {
  /** An item's graph came to its end (body-items.ts). */
  endItem(frame: Frame, place: Place, end: FrameEnd, isPure: boolean): void;
  closeBody(body: Body, reason: string, outside: Outside): void;
  /** Bodies.ts. */
  continueBody(body: Body): void;
  failBody(frame: Frame, node: CompiledNode, error: NodeError): void;
  /** Timed.ts. */
  onTimer(frame: Frame, node: CompiledNode): void;
  onDeadline(frame: Frame, node: CompiledNode): void;
  /** Call.ts. */
  callWorkflow(trial: Trial, call: Extract<NodeResult, { kind: 'call' }>): void;
}

export interface Core {
  readonly turns: Turns;
  readonly parts: EngineParts;
  readonly store: EngineStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly journal: Journal;
  readonly evaluator: ChildEvaluator;
  readonly random: () => number;
  /** Set once started; a new one after this process was fenced off. */
  owner: Owner | undefined;
  /** `starting` until recovery is through its first look, `draining` when no new step starts. */
  state: 'starting' | 'running' | 'draining' | 'stopped';
  readonly lives: Map<string, Live>;
  /** Instances on their way from their rows to memory. */
  readonly taking: Map<string, Promise<unknown>>;
  /** Instances that this process gave up while groups of theirs were on their way to the journal. */
  readonly settling: Map<string, Promise<void>>;
  /** Open jobs of live instances. */
  readonly jobs: Map<string, Ready>;
  /** Called instances that have not ended, by the step that waits for them. */
  readonly children: Map<string, Ready>;
  readonly endListeners: Map<string, Set<EndListener>>;
  /** Ready nodes, first in, first out. */
  readonly ready: Ready[];
  /** Attempts in flight that are not synchronous. */
  runningCount: number;
  isPumping: boolean;
  /** It pumps when this turn's commit has been told to all. */
  isPumpDue: boolean;
  /** An instance of this process has ended, durably. */
  onEnded(live: Live): void;
  /** A called instance has ended, durably (call.ts). */
  onChildEnded(instanceId: string): void;
  /** Ends an instance that a step had called (route-command.ts). */
  cancelChild(orgId: string, instanceId: string, why?: Cause): Promise<void>;
  /** Starts what is ready (dispatch.ts). */
  pump(): void;
  /** Instances to be handed to the journal when the pump pauses. */
  readonly toFlush: Set<Live>;
  /** Instances whose buffer waits for a neighbour. */
  readonly dirty: Set<Live>;
  dirtyTimer: (() => void) | undefined;
  /** Instances that wait for a place (admission.ts), and the asking under way. */
  readonly pending: Map<string, Live>;
  /** Steps that were in flight when a process died (quarantine.ts). */
  readonly suspects: Suspects;
  /** A process before this one died without a word: steps that end at once are noted, too, for a while. Monotonic ms. */
  carefulUntil: number;
  /** Monotonic ms. */
  startedAt: number;
  admitting: Promise<void> | undefined;
  readonly graphs: Map<string, LoadedVersion>;
  /** Large results that were read lately. */
  readonly largeCache: Map<string, { readonly value: Json; readonly bytes: number }>;
  /** A live instance could not be recorded: recover.ts takes it from there. */
  onLost(live: Live, why: 'fenced' | 'moved' | 'refused' | 'stopped', message: string): void;
}

/** Why something was cancelled, where it was not a person's wish. */
export interface Cause {
  readonly code: string;
  readonly message: string;
}

/** Tells whoever waits for this instance. */
export function notifyEnd(core: Core, instanceId: string, status: InstanceStatus | 'released'): void {
  const listeners = core.endListeners.get(instanceId);
  core.endListeners.delete(instanceId);
  for (const listener of listeners ?? []) listener(status);
  if (status !== 'released' && core.children.has(instanceId)) core.onChildEnded(instanceId);
}

/** A failure as rows and events carry it. NUL can't be stored in PostgreSQL. */
export function failure(
  code: string,
  message: string,
  more: { readonly remedy?: string; readonly step?: string; readonly details?: Failure['details'] } = {},
): Failure {
  const clean = message.replaceAll('\u0000', '').slice(0, MAX_MESSAGE_CHARS);
  return {
    code,
    message: clean,
    ...(more.remedy === undefined ? {} : { remedy: more.remedy }),
    ...(more.step === undefined ? {} : { step: more.step }),
    ...(more.details === undefined ? {} : { details: more.details }),
  };
}

/** Enough for a compiler's output; the log holds the rest. */
const MAX_MESSAGE_CHARS = 4_000;
