/** Event and file triggers: what the outbox tells starts instances, each event once for each trigger that hears it. Two strides, so that nobody who reads
 *  the outbox waits: what was heard is kept in the transaction that moves the reader, then it is started from there, by an id that derives from it.
 *  No endless loops: a workflow does not hear itself unless it says so, and a chain of starts ends at MAX_CHAIN. */
import type { Json } from '../contract/endpoint.ts';
import type { Envelope, EventType } from '../contract/events.ts';
import { eventParams, fileParams } from '../contract/trigger-params.ts';
import { AppError, messageOf } from '../kernel/fail.ts';
import { derivedId } from '../kernel/ids.ts';
import { NodeError } from '../nodes/kit.ts';
import type { Sql } from '../store/client.ts';
import { asLeader, LEADER_LOCKS } from '../store/leader.ts';
import { readOnce } from '../store/outbox-readers.ts';
import { formatCursor, type StoredEvent } from '../store/outbox.ts';
import {
  deleteFire,
  insertFires,
  isAnyListening,
  listFires,
  listListening,
  readOrigin,
  TRIGGER_READER,
  type Fire,
  type Listening,
} from '../store/trigger-fires.ts';
import { noteResult, readTrigger, type ArmedTrigger } from '../store/triggers.ts';
import { compileExpression } from './expression.ts';
import { matchesGlob } from './glob.ts';
import { inFlight } from './in-flight.ts';
import { createLooking, type Looking } from './looking.ts';
import { evaluate, type Evaluator, type ExpressionScope } from './resolve.ts';
import { isPassing, STARTS_AT_ONCE, type ScheduleParts } from './schedule.ts';
import { expandTypes } from './trigger-faults.ts';

export interface HearingParts extends Pick<ScheduleParts, 'database' | 'clock' | 'log' | 'start'> {
  /** An event as sockets and the API show it. */
  readonly envelopeOf: (event: StoredEvent) => Envelope;
  readonly evaluator: Evaluator;
}

/** Counts how many event triggers led to an instance. */
export const CHAIN_LABEL = 'studio.chain';
const MAX_CHAIN = 8;
/** The floor under announcements. */
const LOOK_EVERY_MS = 1_000;
/** Announcements come with every commit: those of one moment are one look. */
const NUDGE_MS = 20;
const BITE = 64;

export function createHearing(parts: HearingParts): Looking {
  const { database, clock, log } = parts;
  let isListening = true;
  const looking = createLooking(clock, async (isRunning) => {
    try {
      isListening = await isAnyListening(database.engine);
      while (isListening && isRunning() && (await hear(parts))) continue;
      if ((await listFires(database.engine, 1)).length > 0)
        await asLeader(database.engine, LEADER_LOCKS.fires, (stillLeads) => startHeard(parts, isRunning, stillLeads));
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'events could not be heard for triggers; tried again in a second');
    }
    return LOOK_EVERY_MS;
  });
  let stopHearing = (): void => {};
  let isAnnounced = false;
  const onAnnounce = (): void => {
    // With nobody listening an announcement costs nothing; a new listener nudges, another process's is seen within a second.
    if (!isListening || isAnnounced) return;
    isAnnounced = true;
    clock.after(NUDGE_MS, () => {
      isAnnounced = false;
      looking.nudge();
    });
  };
  return {
    start() {
      looking.start();
      stopHearing = database.onAnnounce(onAnnounce);
    },
    nudge: looking.nudge,
    async stop() {
      stopHearing();
      await looking.stop();
    },
  };
}

/** @returns whether there is more to hear at once */
async function hear(parts: HearingParts): Promise<boolean> {
  const { more } = await readOnce(parts.database.engine, {
    name: TRIGGER_READER,
    types: async (sql) => typesOf(await listListening(sql)),
    make: async (sql, events) => insertFires(sql, firesOf(parts, await listListening(sql), events)),
  });
  return more;
}

function typesOf(listening: readonly Listening[]): EventType[] {
  return [...new Set(listening.flatMap(heardBy))];
}

function heardBy({ type, params }: Pick<Listening, 'type' | 'params'>): EventType[] {
  return type === 'file' ? ['files:file:changed'] : expandTypes(eventParams.parse(params).types);
}

function firesOf(parts: HearingParts, listening: readonly Listening[], events: readonly StoredEvent[]): Fire[] {
  const ears = listening.map((one) => ({ one, types: new Set(heardBy(one)), since: BigInt(one.sinceXid) }));
  return events.flatMap((event) => {
    const heard = ears.filter(
      ({ one, types, since }) =>
        types.has(event.type) &&
        event.cursor.xid >= since &&
        (event.orgId === null ? one.hearsSystem : event.orgId === one.orgId) &&
        (one.type === 'event' || isFileFor(one, event)),
    );
    if (heard.length === 0) return [];
    const text = JSON.stringify(parts.envelopeOf(event));
    const createdAt = new Date(parts.clock.now());
    return heard.map(({ one }) => ({ workflowId: one.workflowId, key: one.key, orgId: one.orgId, source: formatCursor(event.cursor), event: text, createdAt }));
  });
}

/** A file that is new or has other bytes than before, in the folder and of the pattern. */
function isFileFor(listening: Listening, event: StoredEvent): boolean {
  const { change, path, isSame } = JSON.parse(event.payload) as { change?: string; path?: string; isSame?: boolean };
  const { prefix, pattern } = fileParams.parse(listening.params);
  return change === 'stored' && isSame !== true && path?.startsWith(prefix) === true && matchesGlob(pattern, path.slice(prefix.length));
}

async function startHeard(parts: HearingParts, isRunning: () => boolean, stillLeads: () => Promise<void>): Promise<void> {
  while (isRunning()) {
    await stillLeads();
    const fires = await listFires(parts.database.engine, BITE);
    if (fires.length === 0) return;
    await inFlight(fires, STARTS_AT_ONCE, (fire) => startOne(parts, fire));
  }
}

/** @throws what may pass: the event then waits */
async function startOne(parts: HearingParts, fire: Fire): Promise<void> {
  const sql = parts.database.engine;
  const trigger = await readTrigger(sql, fire);
  // Switched off, archived or paused since: it is not to start anything.
  if (trigger?.enabled === true && !trigger.isArchived && !trigger.isPaused && (trigger.type === 'event' || trigger.type === 'file'))
    await startFor(parts, trigger, fire);
  await deleteFire(sql, fire);
}

async function startFor(parts: HearingParts, trigger: ArmedTrigger, fire: Fire): Promise<void> {
  const { clock, log, database } = parts;
  const event = JSON.parse(fire.event) as Envelope;
  const at = (): string => new Date(clock.now()).toISOString();
  try {
    const origin = await originOf(database.engine, trigger.orgId, event);
    if (origin.isTest || (origin.workflowId === trigger.workflowId && trigger.params['allowSelf'] !== true)) return;
    const chain = origin.chain + 1;
    if (chain > MAX_CHAIN) {
      const reason = `this event comes of ${MAX_CHAIN} starts by events in a row; a loop, most likely: narrow the types or the filter`;
      log.warn({ workflowId: trigger.workflowId, trigger: trigger.key, event: event.event_id }, 'a chain of event triggers was ended');
      return await noteResult(database.engine, trigger, { outcome: 'refused', at: at(), reason });
    }
    if (trigger.type === 'event' && !(await passes(parts, trigger, event))) return;
    const emittedAt = Date.parse(event.emitted_at);
    const seed = `${trigger.type} ${trigger.workflowId} ${trigger.key} ${fire.source}`;
    const id = derivedId('inst', emittedAt, seed);
    await parts.start({
      id,
      orgId: trigger.orgId,
      workflowId: trigger.workflowId,
      input: trigger.type === 'file' ? fileInput(event) : (event as Json),
      labels: { [CHAIN_LABEL]: String(chain) },
      startedBy: `${trigger.type}:${trigger.key}`,
      requestId: derivedId('req', emittedAt, seed),
    });
    await noteResult(database.engine, trigger, { outcome: 'started', at: at(), instanceId: id });
  } catch (error) {
    if (isPassing(error) || (error instanceof NodeError && error.code === 'expression_unavailable')) throw error;
    if (!(error instanceof AppError || error instanceof NodeError))
      log.error({ workflowId: trigger.workflowId, trigger: trigger.key, cause: messageOf(error) }, 'an event could not start its workflow');
    await noteResult(database.engine, trigger, { outcome: 'refused', at: at(), reason: messageOf(error).slice(0, 1_000) });
  }
}

async function passes({ evaluator }: HearingParts, trigger: ArmedTrigger, event: Envelope): Promise<boolean> {
  const { filter } = eventParams.parse(trigger.params);
  if (filter === undefined) return true;
  // A filter reads `event` alone: validation has seen to it.
  return (await evaluate(compileExpression(filter), { event } as unknown as ExpressionScope, evaluator)) === true;
}

function fileInput(event: Envelope): Json {
  const { path = null, bytes = null, sha256 = null, mediaType = null } = event.payload;
  return { path, bytes, sha256, mediaType };
}

/** The workflow that an event is of, and how long the chain to it is. */
async function originOf(
  sql: Sql,
  orgId: string,
  event: Envelope,
): Promise<{ readonly workflowId: string | undefined; readonly chain: number; readonly isTest: boolean }> {
  const own = event.entity_kind === 'workflow' ? event.entity_id : roomOf(event, 'workflow');
  const written = event.payload['instanceId'];
  const instanceId = event.entity_kind === 'instance' ? event.entity_id : (roomOf(event, 'instance') ?? (typeof written === 'string' ? written : undefined));
  const origin = instanceId === undefined ? undefined : await readOrigin(sql, { orgId, instanceId, label: CHAIN_LABEL });
  return { workflowId: origin?.workflowId ?? own, chain: origin?.chain ?? 0, isTest: origin?.isTest ?? false };
}

function roomOf(event: Envelope, kind: string): string | undefined {
  return event.room_keys.find((room) => room.startsWith(`${kind}:`))?.slice(kind.length + 1);
}
