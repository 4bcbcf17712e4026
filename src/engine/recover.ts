/** Recovery: takes live instances that nobody living owns, rebuilds them from their rows and lets them go on. The same way after a crash of
 *  this process, of another, and when a transition could not be recorded. */
import { isTerminalInstance } from '../contract/values.ts';
import { failpoint } from '../kernel/failpoint.ts';
import { messageOf } from '../kernel/fail.ts';
import { isConnectionLoss } from '../store/client.ts';
import type { StoredInstance } from '../store/instances.ts';
import type { StoredStep } from '../store/stored-steps.ts';
import { endInstance, releaseLive } from './advance.ts';
import { continueFrame, restoreBodies } from './continue-frame.ts';
import { failure, notifyEnd, type Core } from './core.ts';
import { createLive, type Live } from './live.ts';
import { patiently } from './patient.ts';
import { liveFromRows } from './rebuild.ts';
import { walled } from './fault.ts';
import { loadVersion } from './versions.ts';

/** Instances a bite: their steps come in one query. */
const BITE = 500;
const STRAY_BITE = 1_000;

/** Takes over all there is to take. @returns how many */
export async function adoptAll(core: Core): Promise<number> {
  let taken = 0;
  for (const epoch of await patiently(core, () => core.store.listOrphanEpochs())) taken += await adoptFrom(core, epoch);
  return taken;
}

async function adoptFrom(core: Core, from: number): Promise<number> {
  let taken = 0;
  let after = '';
  let isAnswerLost = false;
  while (core.state !== 'stopped' && core.owner !== undefined) {
    const { epoch } = core.owner;
    const ids = await patiently(core, () =>
      core.store.adoptInstances({ epoch, from, after, limit: BITE }).catch((error: unknown) => {
        isAnswerLost ||= isConnectionLoss(error);
        throw error;
      }),
    );
    await failpoint('recover.adopted');
    const last = ids.at(-1);
    if (last === undefined || isStopped(core)) break;
    after = last;
    await resumeAll(core, ids);
    taken += ids.length;
  }
  if (isAnswerLost && core.owner !== undefined) taken += await findUnheld(core, core.owner.epoch);
  return taken;
}

/** What was taken without our hearing of it is ours by its row: looks among our own for what is not in memory. */
async function findUnheld(core: Core, epoch: number): Promise<number> {
  let taken = 0;
  for (let after = ''; ;) {
    const own = await patiently(core, () => core.store.adoptInstances({ epoch, from: epoch, after, limit: BITE }));
    const last = own.at(-1);
    if (last === undefined || isStopped(core)) return taken;
    after = last;
    const unheld = own.filter((id) => !core.lives.has(id));
    await resumeAll(core, unheld);
    taken += unheld.length;
  }
}

/** Brings instances back that this process owns by their rows, those that a command has not brought back before. Commands for one of them wait meanwhile: from
 *  the same rows it must not come to memory twice, nor from rows that were read before a command went ahead of us and ended it. */
export async function resumeAll(core: Core, ids: readonly string[]): Promise<void> {
  const underWay = Promise.withResolvers<void>();
  const isElsewhere = (id: string): boolean => core.taking.has(id) || core.settling.has(id);
  const others = ids.filter(isElsewhere);
  const ours = ids.filter((id) => !isElsewhere(id) && !core.lives.has(id));
  for (const id of ours) core.taking.set(id, underWay.promise);
  try {
    const stored = await patiently(core, () => core.store.readStoredInstances(ours));
    const steps = groupByInstance(await patiently(core, () => core.store.loadSteps(ours)));
    // This process may come back under a new epoch meanwhile: what it held before is not in its hands then.
    for (const one of stored) if (one.ownerEpoch === core.owner?.epoch) releaseEnded(core, await resume(core, one, steps.get(one.id) ?? []));
  } finally {
    for (const id of ours) core.taking.delete(id);
    underWay.resolve();
  }
  for (const id of others) releaseEnded(core, await patiently(core, () => takeInstance(core, id)));
}

/** A command may have ended it since it was adopted: in memory is what lives. */
function releaseEnded(core: Core, live: Live | undefined): void {
  if (live !== undefined && isTerminalInstance(live.status) && live.inFlight === 0 && live.buffer === undefined)
    releaseLive(core, live, 'the instance has ended');
}

/** A function: the state changes while we wait. */
function isStopped(core: Core): boolean {
  return core.state === 'stopped';
}

function groupByInstance(steps: readonly StoredStep[]): ReadonlyMap<string, StoredStep[]> {
  const groups = new Map<string, StoredStep[]>();
  for (const step of steps) {
    const group = groups.get(step.instanceId);
    if (group === undefined) groups.set(step.instanceId, [step]);
    else group.push(step);
  }
  return groups;
}

/** Brings one instance into memory and lets it go on when it is live.
 *  @returns undefined when its version can't run any more: it has failed then */
async function resume(core: Core, stored: StoredInstance, steps: readonly StoredStep[], goesOn = true): Promise<Live | undefined> {
  const known = core.lives.get(stored.id);
  if (known !== undefined) return known;
  let live: Live;
  try {
    // A database that is away says nothing of the version.
    const { graph } = await patiently(core, () => loadVersion(core, stored));
    live = liveFromRows(stored, graph, steps);
  } catch (error) {
    if (core.state === 'stopped') return undefined;
    core.log.error({ instanceId: stored.id, cause: messageOf(error) }, 'an instance could not be brought back');
    failUnloadable(core, stored, messageOf(error));
    return undefined;
  }
  core.lives.set(live.id, live);
  if (goesOn && live.status === 'pending') core.pending.set(live.id, live);
  else if (!isTerminalInstance(live.status)) {
    live.restored = restore(core, live, goesOn);
    await live.restored;
    live.restored = undefined;
  }
  return live;
}

/** What cannot be brought back fails its instance, and no other. */
async function restore(core: Core, live: Live, goesOn: boolean): Promise<void> {
  try {
    // All of it is there before anything of it goes on: an end that comes early must find everything that it ends.
    await restoreBodies(core, live.top);
    if (goesOn) await continueFrame(core, live.top);
  } catch (error) {
    if (!isStopped(core))
      walled(core, live, () => {
        throw error;
      });
  }
}

/** Its definition can't be compiled by this Studio (a node type is gone): it must not stay live for ever. */
function failUnloadable(core: Core, stored: StoredInstance, message: string): void {
  if (isTerminalInstance(stored.status)) return;
  const live = createLive(stored, { nodes: [], edges: [], byKey: new Map(), leaves: [], order: [], maxConcurrentSteps: 1 });
  core.lives.set(live.id, live);
  endInstance(core, live, {
    status: 'failed',
    error: failure('version_unusable', `version ${stored.version} can't be run by this Studio: ${message}`, {
      remedy: 'Publish a new version and start a new instance.',
    }),
  });
}

/** Takes one instance into memory for a command. @param goesOn false: nothing of it starts  @returns undefined when another process holds it */
export async function takeInstance(core: Core, id: string, goesOn = true): Promise<Live | undefined> {
  const known = core.lives.get(id);
  if (known !== undefined) {
    await known.restored;
    return known;
  }
  const underWay = core.settling.get(id) ?? core.taking.get(id);
  if (underWay !== undefined) {
    // Rows that were read before would be old when it ends meanwhile.
    await underWay.catch(() => undefined);
    return takeInstance(core, id, goesOn);
  }
  const taking = take(core, id, goesOn).finally(() => core.taking.delete(id));
  core.taking.set(id, taking);
  return taking;
}

async function take(core: Core, id: string, goesOn: boolean): Promise<Live | undefined> {
  const { owner } = core;
  if (owner === undefined) return undefined;
  // From here on it may be ours by its row, and nobody else takes it up: it comes to memory, whatever connection is lost on the way.
  if (!(await patiently(core, () => core.store.adoptInstance({ id, epoch: owner.epoch })))) return undefined;
  const stored = await patiently(core, () => core.store.readStoredInstance({ orgId: undefined, id }));
  if (stored === undefined) return undefined;
  const steps = await patiently(core, () => core.store.loadSteps([id]));
  return resume(core, stored, steps, goesOn);
}

/** Until what it has on its way is written or lost, its rows say less than will stand: nobody takes it up from them before. */
function keepUntilSettled(core: Core, live: Live): void {
  if (live.inFlight === 0) return;
  const settled = Promise.withResolvers<void>();
  core.settling.set(live.id, settled.promise);
  live.onSettled = () => {
    core.settling.delete(live.id);
    settled.resolve();
  };
}

/** A live instance could not be recorded. Forget it; unless another process has it, read it again and go on. */
export function recoverLost(core: Core, live: Live, why: 'fenced' | 'moved' | 'refused' | 'stopped'): void {
  const wasHeld = core.lives.get(live.id) === live;
  releaseLive(core, live, `the instance is not held by this process any more (${why})`);
  if (!wasHeld || why === 'stopped' || core.state === 'stopped') return;
  if (why === 'fenced') return notifyEnd(core, live.id, 'released');
  keepUntilSettled(core, live);
  void (async () => {
    // What was refused once would be refused again: it must not start over.
    const again = await patiently(core, () => takeInstance(core, live.id, why !== 'refused'));
    if (again === undefined) return notifyEnd(core, live.id, 'released');
    if (why === 'refused' && !again.isGone && !isTerminalInstance(again.status)) {
      endInstance(core, again, {
        status: 'failed',
        error: failure('unrecordable', "a step's result could not be recorded: the database refused it", {
          remedy: 'Look for the instance id in the log of Studio, and report it: this is a fault of Studio.',
        }),
      });
    }
  })().catch((error: unknown) => core.log.error({ instanceId: live.id, cause: messageOf(error) }, 'a lost instance could not be read again'));
}

/** Cancels jobs whose step has ended and children whose caller has: the crash came between the two. */
export async function cancelStrays(core: Core): Promise<void> {
  for (const child of await patiently(core, () => core.store.listStrayChildren(STRAY_BITE))) {
    await core
      .cancelChild(child.orgId, child.id)
      .catch((error: unknown) => core.log.warn({ instanceId: child.id, cause: messageOf(error) }, 'a stray child could not be cancelled'));
  }
  for (const job of await patiently(core, () => core.store.listStrayJobs(STRAY_BITE))) {
    await core.parts.jobs
      .cancel(job.id, 'its step has ended')
      .catch((error: unknown) => core.log.warn({ jobId: job.id, cause: messageOf(error) }, 'a stray job could not be cancelled'));
  }
}
