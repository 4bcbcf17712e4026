/** Makes the state that all parts of the engine share (core.ts) and ties the parts that call each other: nothing else imports both ends. */
import { isTerminalInstance } from '../contract/values.ts';
import { systemClock } from '../kernel/clock.ts';
import { AppError } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Cause, Core, EngineParts } from './core.ts';
import { pump } from './dispatch.ts';
import { onEnded } from './admission.ts';
import { continueBody, failBody } from './bodies.ts';
import { closeBody, endItem } from './body-items.ts';
import { callWorkflow } from './call.ts';
import { takeChildEnd } from './children.ts';
import { walled } from './fault.ts';
import { onDeadline, onTimer } from './timed.ts';
import { createEvaluator } from './evaluator.ts';
import { createJournal } from './journal.ts';
import { commandInstance } from './route-command.ts';
import { databaseStore } from './store-port.ts';

interface Cancelling {
  readonly orgId: string;
  readonly instanceId: string;
  readonly requestId: string;
  readonly why?: Cause | undefined;
}

/** Cancels what has not ended. */
export async function cancelIfLive(core: Core, { orgId, instanceId, requestId, why }: Cancelling): Promise<void> {
  try {
    await commandInstance(core, { orgId, id: instanceId, command: 'cancel', requestId, why });
  } catch (error) {
    // It ended by itself meanwhile, perhaps a moment before its row says so.
    if (error instanceof AppError && error.code === 'illegal_transition') return;
    const status = await core.store.readStatus(instanceId);
    if (status !== undefined && !isTerminalInstance(status)) throw error;
  }
}

export function createCore(parts: EngineParts): Core {
  const store = parts.store ?? databaseStore(parts.database.engine);
  const core: Core = {
    parts,
    store,
    clock: parts.clock,
    log: parts.log,
    journal: createJournal({
      store,
      announce: () => parts.database.announce(),
      clock: parts.clock,
      log: parts.log,
      fence: () => ({ ownerId: core.owner?.id ?? '', epoch: core.owner?.epoch ?? 0 }),
      observe: parts.observe,
    }),
    // Real time: the child is a real process whatever the clock of the instances says.
    evaluator: createEvaluator({ clock: systemClock, log: parts.log, ...(parts.expressionProgram === undefined ? {} : { program: parts.expressionProgram }) }),
    random: parts.random ?? Math.random,
    owner: undefined,
    state: 'starting',
    lives: new Map(),
    taking: new Map(),
    settling: new Map(),
    jobs: new Map(),
    children: new Map(),
    endListeners: new Map(),
    ready: [],
    runningCount: 0,
    isPumping: false,
    isPumpDue: false,
    cancelChild: (orgId, instanceId, why) => cancelIfLive(core, { orgId, instanceId, requestId: newId('req', parts.clock), why }),
    turns: {
      endItem: (frame, place, end, isPure) => endItem(core, frame, place, end, isPure),
      closeBody: (body, reason, outside) => closeBody(core, body, reason, outside),
      continueBody: (body) => continueBody(core, body),
      failBody: (frame, node, error) => failBody(core, frame, node, error),
      onTimer: (frame, node) => walled(core, frame.live, () => onTimer(core, frame, node)),
      onDeadline: (frame, node) => walled(core, frame.live, () => onDeadline(core, frame, node)),
      callWorkflow,
    },
    onEnded: (live) => onEnded(core, live),
    onChildEnded: (instanceId) => void takeChildEnd(core, instanceId),
    pump: () => pump(core),
    toFlush: new Set(),
    dirty: new Set(),
    dirtyTimer: undefined,
    pending: new Map(),
    suspects: { known: new Map(), alone: undefined, waiting: [] },
    carefulUntil: -Infinity,
    startedAt: 0,
    admitting: undefined,
    graphs: new Map(),
    largeCache: new Map(),
    onLost: () => undefined,
  };
  return core;
}
