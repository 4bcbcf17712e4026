/** The journal: group commit. Transitions of all live instances are gathered while a commit is in flight and written together, in the order
 *  of each instance. A group is durable or lost as a whole. Never decides what happens; stage.ts makes the groups.
 *  Invariant: groups of one instance become durable in the order they were appended. */
import type { Clock } from '../kernel/clock.ts';
import { failpoint } from '../kernel/failpoint.ts';
import { messageOf } from '../kernel/fail.ts';
import type { Logger } from '../kernel/log.ts';
import { isConnectionLoss } from '../store/client.ts';
import type { NewStepJob } from '../store/job-inserts.ts';
import {
  isUnexpectedState,
  type AttemptInsert,
  type Fence,
  type InstanceEvent,
  type InstanceInsert,
  type InstanceUpdate,
  type LogInsert,
  type StepWrite,
} from '../store/journal.ts';
import { takeBatch, toBatch } from './journal-batch.ts';
import type { Live } from './live.ts';
import type { EngineStore } from './store-port.ts';

/** What one instance wants written at one moment. */
export interface Group {
  readonly instanceId: string;
  /** The instance, for those who hear of commits; undefined: of none in memory. */
  readonly about: Live | undefined;
  created: InstanceInsert | undefined;
  /** By path and generation; a later state of the same row replaces the earlier one. */
  readonly steps: Map<string, StepWrite>;
  instance: InstanceUpdate | undefined;
  readonly attempts: AttemptInsert[];
  readonly logs: LogInsert[];
  readonly events: InstanceEvent[];
  readonly jobs: NewStepJob[];
}

export function emptyGroup(instanceId: string, about?: Live): Group {
  return { instanceId, about, created: undefined, steps: new Map(), instance: undefined, attempts: [], logs: [], events: [], jobs: [] };
}

/** Why a group was not written: another owner has the instance (fenced), its rows were not as expected (moved), PostgreSQL refuses it (refused). */
export class GroupLost extends Error {
  override readonly name = 'GroupLost';
  readonly why: 'fenced' | 'moved' | 'refused' | 'stopped';
  constructor(why: GroupLost['why'], message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.why = why;
  }
}

/** A commit that stands: for figures and traces. */
export interface Committed {
  readonly ms: number;
  readonly groups: readonly Group[];
}

/** Called once: without an error when the group is durable. */
export type OnWritten = (lost?: GroupLost) => void;

export interface Journal {
  append(group: Group, onWritten: OnWritten): void;
  /** Resolves when everything appended so far is durable or lost. */
  drained(): Promise<void>;
  /** Writes nothing more; what waits is lost. */
  stop(): void;
  readonly stats: JournalStats;
}

export interface JournalStats {
  commits: number;
  groups: number;
  steps: number;
  /** Of the last commit, ms. */
  flushMs: number;
}

interface Entry {
  readonly group: Group;
  readonly onWritten: OnWritten;
}

const RETRY_MS = [20, 50, 100, 200, 500, 1_000] as const;

export function createJournal(parts: {
  readonly store: EngineStore;
  readonly announce: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly fence: () => Fence;
  /** Hears of each commit; must be quick, and never throw. */
  readonly observe?: ((commit: Committed) => void) | undefined;
}): Journal {
  const { store, clock, log } = parts;
  const stats: JournalStats = { commits: 0, groups: 0, steps: 0, flushMs: 0 };
  let queue: Entry[] = [];
  /** What is being written, and which of it stands on a group that was lost. */
  let writing: readonly Entry[] = [];
  const doomed = new Set<Entry>();
  let isFlushing = false;
  let isStopped = false;
  const idle: (() => void)[] = [];

  /** A listener's fault must not make a written group look lost. */
  function tell(entry: Entry, lost?: GroupLost): void {
    try {
      entry.onWritten(lost);
    } catch (error) {
      log.error({ instanceId: entry.group.instanceId, err: error }, 'what follows a commit failed');
    }
  }

  /** With a group that was not written go all that its instance appended after it: they stand on it, and would be written into a gap. */
  function lose(entry: Entry, lost: GroupLost): void {
    const isLater = (one: Entry): boolean => one !== entry && one.group.instanceId === entry.group.instanceId;
    const later = [...writing.slice(writing.indexOf(entry) + 1), ...queue].filter(isLater);
    for (const one of later) doomed.add(one);
    queue = queue.filter((one) => !doomed.has(one));
    tell(entry, lost);
    for (const one of later) tell(one, lost);
  }

  function schedule(): void {
    if (isFlushing || queue.length === 0) return;
    isFlushing = true;
    // A microtask: what the same turn of the loop appends still joins this commit.
    queueMicrotask(() => void flushAll());
  }

  async function flushAll(): Promise<void> {
    let written: readonly Entry[] = [];
    // Serial by design: what arrives during a commit makes the next batch. What follows from one runs here while PostgreSQL works on the next.
    while ((queue.length > 0 || written.length > 0) && !isStopped) {
      const { batch, rest } = takeBatch(queue);
      queue = rest;
      writing = batch;
      const underWay = write(batch, false);
      for (const entry of written) tell(entry);
      written = await underWay;
      doomed.clear();
    }
    for (const entry of written) tell(entry, new GroupLost('stopped', 'Studio is stopping'));
    isFlushing = false;
    if (isStopped) for (const entry of queue.splice(0)) tell(entry, new GroupLost('stopped', 'Studio is stopping'));
    for (const resolve of idle.splice(0)) resolve();
    schedule();
  }

  /** @param isAmbiguous an earlier try may have been committed without our knowing
   *  @returns those that were written and have to be told; the others were */
  async function write(asked: readonly Entry[], isAmbiguous: boolean): Promise<readonly Entry[]> {
    const entries = doomed.size === 0 ? asked : asked.filter((entry) => !doomed.has(entry));
    let ambiguous = isAmbiguous;
    for (let attempt = 0; !isStopped && entries.length > 0; attempt++) {
      const startedAt = clock.monotonic();
      try {
        await failpoint('journal.before_commit');
        if (isStopped) break;
        await commit(entries);
        await failpoint('journal.after_commit');
        if (isStopped) break;
        stats.commits++;
        stats.groups += entries.length;
        stats.flushMs = clock.monotonic() - startedAt;
        for (const entry of entries) stats.steps += entry.group.steps.size;
        parts.observe?.({ ms: stats.flushMs, groups: entries.map((entry) => entry.group) });
        parts.announce();
        return entries;
      } catch (error) {
        if (isTransient(error)) {
          ambiguous ||= isConnectionLoss(error);
          if (attempt === 0)
            log.warn({ cause: messageOf(error), groups: entries.length }, 'a commit failed for now; it is tried again until the database answers');
          await clock.sleep(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 1_000);
          continue;
        }
        return settleRefused(entries, error, ambiguous);
      }
    }
    for (const entry of entries) tell(entry, new GroupLost('stopped', 'Studio is stopping'));
    return [];
  }

  async function commit(entries: readonly Entry[]): Promise<void> {
    const fence = parts.fence();
    const batch = toBatch(entries);
    const jobs = entries.flatMap((entry) => entry.group.jobs);
    await store.writeGroups(fence, batch, jobs);
  }

  /** The batch as a whole was refused: find out whether we are fenced, what was written before after all, and which group is to blame. */
  async function settleRefused(entries: readonly Entry[], error: unknown, isAmbiguous: boolean): Promise<readonly Entry[]> {
    if (isUnexpectedState(error)) {
      const stillOwner = await ask(() => store.isOwner({ id: parts.fence().ownerId, epoch: parts.fence().epoch }));
      if (stillOwner === undefined) return write(entries, isAmbiguous);
      if (!stillOwner) {
        for (const entry of entries) tell(entry, new GroupLost('fenced', 'another process has taken this instance over'));
        return [];
      }
      if (isAmbiguous) {
        const left = await dropWritten(entries);
        if (left.length < entries.length) return write(left, false);
      }
    }
    const [only] = entries;
    if (entries.length === 1 && only !== undefined) {
      const why = isUnexpectedState(error) ? 'moved' : 'refused';
      const message =
        why === 'moved' ? 'a row of it was not as expected: another process, or an earlier life of the instance, has written it' : messageOf(error);
      log.error({ instanceId: only.group.instanceId, why, cause: message }, 'a transition could not be recorded');
      lose(only, new GroupLost(why, message, { cause: error }));
      return [];
    }
    const middle = Math.ceil(entries.length / 2);
    // Told before the next: the order of each instance holds.
    for (const entry of await write(entries.slice(0, middle), isAmbiguous)) tell(entry);
    return write(entries.slice(middle), isAmbiguous);
  }

  /** After a lost connection: groups whose last event is there were written. Only the owner writes them, so nobody else can have. */
  async function dropWritten(entries: readonly Entry[]): Promise<readonly Entry[]> {
    const last = await ask(() => store.readLastSequences(entries.map((entry) => entry.group.instanceId)));
    if (last === undefined) return entries;
    const left: Entry[] = [];
    for (const entry of entries) {
      const sequence = entry.group.events.at(-1)?.sequence;
      if (sequence !== undefined && sequence <= (last.get(entry.group.instanceId) ?? 0)) tell(entry);
      else left.push(entry);
    }
    return left;
  }

  /** Asks until the database answers. @returns undefined when the journal stops first */
  async function ask<T>(question: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 0; !isStopped; attempt++) {
      try {
        return await question();
      } catch (error) {
        if (!isTransient(error)) throw error;
        await clock.sleep(RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 1_000);
      }
    }
    return undefined;
  }

  return {
    stats,
    append(group, onWritten) {
      if (isStopped) return onWritten(new GroupLost('stopped', 'Studio is stopping'));
      queue.push({ group, onWritten });
      schedule();
    },
    drained: () => (!isFlushing && queue.length === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
    stop() {
      isStopped = true;
    },
  };
}

/** Faults that pass: the server is away, full, out of locks or memory. */
function isTransient(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return isConnectionLoss(error) || /^(53|40|57|55P03)/.test(code);
}
