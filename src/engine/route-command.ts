/** Brings a command to the owner of its instance: this process when it has it or can take it, else through a row that the owner picks up.
 *  Commands on one instance run one after another. */
import type { Json } from '../contract/endpoint.ts';
import { errorCodes, type ErrorCode } from '../contract/error.ts';
import { isTerminalInstance } from '../contract/values.ts';
import { AppError, fail, messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { NewCommand } from '../store/commands.ts';
import { countAgain } from './admission.ts';
import { releaseLive } from './advance.ts';
import type { Cause, Core } from './core.ts';
import { runInstanceCommand } from './instance-commands.ts';
import type { Live } from './live.ts';
import { takeInstance } from './recover.ts';
import { durable } from './stage.ts';
import { requireAccepting } from './start.ts';
import type { InstanceCommand, StepCommand } from './state.ts';
import { runStepCommand, type Effect, type StepRequest } from './step-commands.ts';

export interface InstanceRequest {
  readonly orgId: string;
  readonly id: string;
  readonly command: InstanceCommand;
  /** Of `resume`: turns the debug mode on or off before. */
  readonly debug?: boolean | undefined;
  /** Of `cancel`: where it was not a person's wish. */
  readonly why?: Cause | undefined;
  readonly requestId: string;
}

export interface StepCommandRequest extends StepRequest {
  readonly orgId: string;
  readonly id: string;
}

/** @throws AppError not_found, illegal_transition, draining */
export async function commandInstance(core: Core, request: InstanceRequest): Promise<void> {
  await withOwner(core, request, {
    here: (live) => runInstanceCommand(core, live, request),
    from: () => undefined,
    row: { kind: request.command, payload: present({ requestId: request.requestId, debug: request.debug, why: request.why }) },
  });
}

export async function commandStep(core: Core, request: StepCommandRequest): Promise<Effect> {
  const effect = await withOwner(core, request, {
    here: (live) => runStepCommand(core, live, request),
    from: (effect) => (effect === 'isolated' ? 'isolated' : 'advancing'),
    row: {
      kind: `step.${request.command}`,
      payload: payloadOf(request),
    },
  });
  return effect;
}

/** What travels to another process. */
function payloadOf(request: StepCommandRequest): Json {
  const { path, requestId, output, by, comment, form, token } = request;
  return present({ path, requestId, output, by, comment, form, token });
}

function present(all: Readonly<Record<string, unknown>>): Json {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Json;
}

interface Command<T> {
  readonly here: (live: Live) => Promise<T>;
  /** The same from the answer of another process. */
  readonly from: (effect: string | null) => T;
  readonly row: { readonly kind: string; readonly payload: Json };
}

async function withOwner<T>(core: Core, request: { readonly orgId: string; readonly id: string }, command: Command<T>): Promise<T> {
  requireAccepting(core);
  const stored = await core.store.readStoredInstance(request);
  if (stored === undefined) fail('not_found', `there is no instance ${request.id}`);
  const live = await takeInstance(core, request.id);
  if (live !== undefined) return inTurn(core, live, command.here);
  return command.from(await askOwner(core, request, command.row));
}

/** The last command on each instance: the next waits for it. */
const turns = new WeakMap<Core, Map<string, Promise<unknown>>>();

async function inTurn<T>(core: Core, live: Live, run: (live: Live) => Promise<T>): Promise<T> {
  const ofCore = turns.get(core) ?? new Map<string, Promise<unknown>>();
  turns.set(core, ofCore);
  const before = ofCore.get(live.id) ?? Promise.resolve();
  const turn = before.then(
    () => runHere(core, live, run),
    () => runHere(core, live, run),
  );
  ofCore.set(live.id, turn);
  try {
    return await turn;
  } finally {
    if (ofCore.get(live.id) === turn) ofCore.delete(live.id);
  }
}

/** The instance as it is once its end, if it is on its way, is durable: reopening what leaves memory in the same moment would let others, who read
 *  its rows meanwhile, bring it back a second time. */
async function takeSettled(core: Core, id: string): Promise<Live | undefined> {
  const known = core.lives.get(id);
  // A loss is told to those who wait for it; the rows say what stands.
  if (known?.isGone === true && known.inFlight > 0) await durable(core, known).catch(() => undefined);
  return takeInstance(core, id);
}

async function runHere<T>(core: Core, first: Live, run: (live: Live) => Promise<T>): Promise<T> {
  // The one before may have ended the instance: take what stands now.
  const live = await takeSettled(core, first.id);
  if (live === undefined) fail('conflict', `instance ${first.id} is held by another process now; try again`);
  const hadEnded = isTerminalInstance(live.status);
  try {
    const answer = await run(live);
    if (hadEnded && !isTerminalInstance(live.status)) await countAgain(core, live);
    return answer;
  } catch (error) {
    // It broke off in the middle: what it had changed by then is forgotten, or found again in its rows.
    if (!(error instanceof AppError)) core.onLost(live, 'moved', messageOf(error));
    throw error;
  } finally {
    // Ended instances are brought into memory for a command only.
    if (isTerminalInstance(live.status) && live.inFlight === 0 && live.buffer === undefined) releaseLive(core, live, 'the instance has ended');
  }
}

const OWNER_ANSWERS_MS = 15_000;
const LOOK_MS = 50;

/** Leaves the command for the owner and waits for its answer. @returns the effect it tells */
async function askOwner(core: Core, request: { readonly orgId: string; readonly id: string }, row: Command<unknown>['row']): Promise<string | null> {
  const id = newId('cmd', core.clock);
  await core.store.insertCommand({ id, orgId: request.orgId, instanceId: request.id, kind: row.kind, payload: row.payload });
  core.parts.database.announce();
  const deadline = core.clock.monotonic() + OWNER_ANSWERS_MS;
  while (core.clock.monotonic() < deadline && core.state === 'running') {
    const result = await core.store.readCommandResult(id);
    if (result !== undefined) {
      if (result.error === null) return result.effect;
      throw new AppError(isErrorCode(result.error.code) ? result.error.code : 'conflict', { message: result.error.message });
    }
    await core.clock.sleep(LOOK_MS);
  }
  if (await core.store.withdrawCommand(id))
    fail('conflict', {
      message: `the process that runs instance ${request.id} does not answer; it is taken over when it is found dead, try again in half a minute`,
      retryAfterS: 30,
    });
  // Its owner was faster.
  return (await core.store.readCommandResult(id))?.effect ?? null;
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}

const instanceCommands: ReadonlySet<string> = new Set<InstanceCommand>(['start', 'pause', 'resume', 'cancel', 'retry']);
const stepCommands: ReadonlySet<string> = new Set<StepCommand>(['retry', 'skip', 'cancel', 'complete', 'result', 'approve', 'reject', 'start', 'callback']);

/** Runs a command that another process left for us. Never rejects: the answer stands in the row. */
export async function executeRemote(core: Core, command: NewCommand): Promise<void> {
  let error: { code: string; message: string } | undefined;
  let effect: Effect | undefined;
  try {
    const payload = command.payload as Partial<Omit<StepRequest, 'command'>> & { readonly debug?: boolean; readonly why?: Cause };
    const { requestId } = payload;
    const live = await takeInstance(core, command.instanceId);
    // Somebody else's by now: its owner will find the row.
    if (live === undefined) return;
    const ids = { requestId: requestId ?? command.id };
    const stepCommand = command.kind.startsWith('step.') ? command.kind.slice('step.'.length) : undefined;
    if (stepCommand !== undefined && stepCommands.has(stepCommand))
      effect = await inTurn(core, live, (one) =>
        runStepCommand(core, one, { ...payload, ...ids, path: payload.path ?? '', command: stepCommand as StepCommand }),
      );
    else if (instanceCommands.has(command.kind))
      await inTurn(core, live, (one) =>
        runInstanceCommand(core, one, { ...ids, command: command.kind as InstanceCommand, debug: payload.debug, why: payload.why }),
      );
    else fail('conflict', `"${command.kind}" is no command of this Studio; it may be older than the process that asked`);
  } catch (cause) {
    error = { code: cause instanceof AppError ? cause.code : 'internal', message: messageOf(cause) };
  }
  await core.store
    .finishCommand({ id: command.id, error, effect })
    .catch((cause: unknown) => core.log.warn({ commandId: command.id, cause: messageOf(cause) }, 'the answer to a command could not be written'));
}
