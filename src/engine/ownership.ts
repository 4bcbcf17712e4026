/** Which process owns what: this process's row in `owners`, its beat, and the taking over of what dead ones held. A dead owner's row is deleted
 *  first, which fences every commit it may still try; one that wakes up late registers anew. */
import { hostname } from 'node:os';
import { messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import { bootId, identify, pidNamespace } from '../kernel/process-identity.ts';
import type { OwnerRow } from '../store/owners.ts';
import type { NewCommand } from '../store/commands.ts';
import { takeChildEnd } from './children.ts';
import type { Core } from './core.ts';
import { onJobEnded } from './job-steps.ts';
import { adoptAll } from './recover.ts';

const BEAT_MS = 5_000;
/** Three missed beats and a margin: an owner silent for longer is dead, or as good as. */
const SILENT_MS = 20_000;
const POLL_MS = 1_000;
/** Announcements come with every commit; commands of other processes are rare. */
const NUDGE_MS = 50;
const COMMAND_BITE = 100;

/** Where pids of this process's kind mean anything. */
export function hostIdentity(): string {
  return `${hostname()} ${bootId()} ${pidNamespace()}`;
}

export async function registerOwner(core: Core): Promise<void> {
  const id = newId('own');
  core.owner = await core.store.insertOwner({ id, host: hostIdentity(), pid: process.pid, pidStarted: identify(process.pid)?.started ?? '' });
}

/** Declares the dead dead. @returns how many */
export async function buryDeadOwners(core: Core): Promise<number> {
  const others = (await core.store.listOwners()).filter((owner) => owner.epoch !== core.owner?.epoch);
  const provenDead = others.filter((owner) => core.parts.isAlone === true || isProvenDead(owner));
  const silent = others.filter((owner) => !provenDead.includes(owner) && owner.silentMs > SILENT_MS);
  const buried = [
    ...(await core.store.deleteOwners(
      provenDead.map((owner) => owner.epoch),
      0,
    )),
    ...(await core.store.deleteOwners(
      silent.map((owner) => owner.epoch),
      SILENT_MS,
    )),
  ];
  if (buried.length > 0) core.log.info({ epochs: buried }, 'owners that are gone were taken over');
  return buried.length;
}

/** Of our own machine, boot and pid namespace, and its process is not there: it can't come back. */
function isProvenDead(owner: OwnerRow): boolean {
  if (owner.host !== hostIdentity() || owner.pid === process.pid) return false;
  return identify(owner.pid)?.started !== owner.pidStarted;
}

export interface Watch {
  stop(): void;
  /** Another process may have left a command. */
  nudge(): void;
  /** A commit was fenced off: look at once whether this process still counts. */
  checkOwner(): void;
}

/** Beats, polls for ended jobs and commands, buries the dead and takes over what they held, until stopped. */
export function watchOwnership(core: Core, execute: (command: NewCommand) => Promise<void>): Watch {
  let isStopped = false;
  let cancelPoll = (): void => {};
  let cancelBeat = (): void => {};
  let cancelNudge: (() => void) | undefined;
  let isPolling = false;
  let beating: Promise<void> | undefined;
  /** A taking over broke off: some instances may bear this owner's epoch without being in memory. */
  let isTorn = false;
  const taken = new Set<string>();

  async function poll(): Promise<void> {
    if (isPolling || isStopped || core.owner === undefined) return;
    isPolling = true;
    try {
      if (core.jobs.size > 0) for (const jobId of await core.store.listEndedJobs([...core.jobs.keys()])) await onJobEnded(core, jobId);
      const elsewhere = [...core.children.keys()].filter((id) => !core.lives.has(id));
      if (elsewhere.length > 0) for (const id of await core.store.listEndedInstances(elsewhere)) await takeChildEnd(core, id);
      for (const command of await core.store.listOpenCommands({ epoch: core.owner.epoch, limit: COMMAND_BITE })) {
        if (taken.has(command.id)) continue;
        taken.add(command.id);
        void execute(command).finally(() => taken.delete(command.id));
      }
    } catch (error) {
      core.log.debug({ cause: messageOf(error) }, 'the poll for jobs and commands failed; tried again');
    } finally {
      isPolling = false;
    }
  }

  /** One at a time: a batch that was fenced off asks once for each of its instances, and to come back twice would be to be two owners. */
  function beat(): Promise<void> {
    beating ??= beatOnce().finally(() => (beating = undefined));
    return beating;
  }

  async function beatOnce(): Promise<void> {
    if (isStopped) return;
    try {
      // Without an owner: it was declared dead before, and could not register yet.
      if (core.owner === undefined || isTorn || !(await core.store.beatOwner(core.owner))) return await comeBack();
      if (core.parts.isAlone === true) return;
      // Torn until both are done: the dead may have been buried without our hearing of it.
      isTorn = true;
      if ((await buryDeadOwners(core)) > 0) await adoptAll(core);
      isTorn = false;
    } catch (error) {
      core.log.warn({ cause: messageOf(error) }, 'the beat of this process failed; tried again');
    }
  }

  async function takeOver(): Promise<void> {
    isTorn = true;
    await adoptAll(core);
    isTorn = false;
  }

  /** This process was declared dead while it was frozen, or declares itself so: what it held belongs to others. It starts anew, empty. */
  async function comeBack(): Promise<void> {
    core.log.warn({ epoch: core.owner?.epoch }, 'this process was taken for dead; it goes on as a new owner');
    if (core.owner !== undefined) await core.store.deleteOwners([core.owner.epoch], 0);
    core.owner = undefined;
    for (const live of [...core.lives.values()]) core.onLost(live, 'fenced', 'this process was taken for dead');
    // What was appended before must meet no fence: under the new epoch it would be a late commit to what others hold.
    await core.journal.drained();
    await registerOwner(core);
    await takeOver();
  }

  const pollAgain = (): void => {
    cancelPoll = core.clock.after(POLL_MS, () => void poll().finally(() => isStopped || pollAgain()));
  };
  const beatAgain = (): void => {
    cancelBeat = core.clock.after(BEAT_MS, () => void beat().finally(() => isStopped || beatAgain()));
  };
  pollAgain();
  beatAgain();
  return {
    nudge() {
      cancelNudge ??= core.clock.after(NUDGE_MS, () => {
        cancelNudge = undefined;
        void poll();
      });
    },
    checkOwner: () => void beat(),
    stop() {
      isStopped = true;
      cancelPoll();
      cancelBeat();
      cancelNudge?.();
    },
  };
}
