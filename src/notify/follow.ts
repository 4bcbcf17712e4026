/** Follows what instances do, in commit order, and tells whom the rules name. Its place in the outbox moves in the transaction that writes
 *  the rows: nothing is lost over a crash, nothing is told twice. What it tells is no event that it follows, so it never tells of itself. */
import type { NotifyTarget } from '../contract/notifications.ts';
import type { Settings } from '../contract/settings.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { failpoint } from '../kernel/failpoint.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database, Sql } from '../store/client.ts';
import { findOddInstances, readWorkflowFacts, type WorkflowFacts } from '../store/notification-rules.ts';
import type { StoredEvent } from '../store/outbox.ts';
import { ensureReader, readOnce } from '../store/outbox-readers.ts';
import { kindOf, messageOfEvent, told } from './message.ts';
import { rowsOf, writeRows, type Rows } from './rows.ts';

export interface FollowParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settingsOf: (orgId: string) => Promise<Settings>;
  /** Something waits to be sent. */
  readonly onMade: () => void;
}

const READER = 'notifications';
/** Other processes' events are noticed at the next look. */
const LOOK_EVERY_MS = 2_000;
/** Between two looks while events come by the thousand. */
const APART_MS = 200;
const RETRY_MS = 1_000;

export interface Follow {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createFollow(parts: FollowParts): Follow {
  const { database, clock, log } = parts;
  let isRunning = false;
  let isNudged = false;
  let isLooking = false;
  let isFailing = false;
  let cancelTimer = (): void => {};
  let unhear = (): void => {};
  let looking = Promise.resolve();

  const look = async (): Promise<number> => {
    try {
      const { more, made } = await readOnce(database.engine, { name: READER, types: told, make: (sql, events) => tellOf(parts, sql, events) });
      if (isFailing) log.info({}, 'notifications are told again');
      isFailing = false;
      if (made) {
        database.announce();
        parts.onMade();
      }
      return more ? 0 : isNudged ? APART_MS : LOOK_EVERY_MS;
    } catch (error) {
      if (!isFailing) log.warn({ cause: messageOf(error) }, 'notifications can not be told at the moment; tried again every second');
      isFailing = true;
      return RETRY_MS;
    }
  };
  const run = async (): Promise<void> => {
    isLooking = true;
    isNudged = false;
    const nextMs = await look();
    isLooking = false;
    if (isRunning) arm(isNudged && !isFailing ? Math.min(nextMs, APART_MS) : nextMs);
  };
  const arm = (delayMs: number): void => {
    cancelTimer();
    cancelTimer = clock.after(delayMs, () => {
      looking = run();
    });
  };
  return {
    async start() {
      await ensureReader(database.engine, READER);
      isRunning = true;
      unhear = database.onAnnounce(() => {
        if (isNudged || isFailing) return;
        isNudged = true;
        if (!isLooking) arm(APART_MS);
      });
      arm(0);
    },
    async stop() {
      isRunning = false;
      unhear();
      cancelTimer();
      await looking;
    },
  };
}

/** Writes the rows of a page of events. */
async function tellOf(parts: FollowParts, sql: Sql, events: readonly StoredEvent[]): Promise<void> {
  const kinds = new Map(events.flatMap((event) => [[event, kindOf(event)] as const]));
  const workflowOf = (event: StoredEvent): string => event.parent?.replace(/^workflow:/, '') ?? '';
  const concerned = events.filter((event) => kinds.get(event) !== undefined);
  if (concerned.length === 0) return;
  const workflows = await readWorkflowFacts(sql, [...new Set(concerned.map(workflowOf))]);
  const odd = await findOddInstances(sql, [...new Set(concerned.map((event) => event.id))]);
  const all: Rows[] = [];
  // Serial: one connection; most events concern nobody and cost nothing here.
  for (const event of concerned) {
    const kind = kinds.get(event);
    const workflow = workflows.get(workflowOf(event));
    // Who tests looks on: nobody else is told.
    if (kind === undefined || workflow === undefined || odd.get(event.id) === 'test') continue;
    const settings = await parts.settingsOf(workflow.orgId);
    const targets = targetsOf(workflow, settings, { kind, isChild: odd.has(event.id) });
    if (targets.length === 0) continue;
    const source = `${event.kind}:${event.id}:${event.sequence}`;
    const { orgId, publishedBy: publisher } = workflow;
    const message = messageOfEvent(event, kind, workflow);
    all.push(await rowsOf(sql, parts.clock, { orgId, source, message, targets, publisher, origin: settings.publicOrigin }));
  }
  await writeRows(sql, { notifications: all.flatMap((rows) => rows.notifications), deliveries: all.flatMap((rows) => rows.deliveries) });
  await failpoint('notify.before_commit');
}

/** The workflow's own rules, else the org's. Those of the org are not asked for instances that another one called: that one tells. */
function targetsOf(workflow: WorkflowFacts, settings: Settings, of: { readonly kind: string; readonly isChild: boolean }): readonly NotifyTarget[] {
  const rules = workflow.rules ?? (of.isChild && of.kind !== 'waiting_approval' ? [] : settings.notifications);
  return rules.filter((rule) => rule.on.some((one) => one === of.kind)).map(({ on: _on, ...target }) => target);
}
