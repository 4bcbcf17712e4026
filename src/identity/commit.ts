/** One change of identity: rows, audit entry, events and notifications in one transaction; this process hears of it after the commit. */
import type { Json } from '../contract/endpoint.ts';
import type { EntityKind, EventType } from '../contract/events.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database, Sql } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import type { IdentityChange, Revocations } from './revocation.ts';

/** Who makes a change, for the trail. */
export interface Author {
  /** A user's id, `anonymous`, or `system`. */
  readonly actor: string;
  readonly orgId: string | null;
  readonly address: string;
  readonly requestId?: string | undefined;
}

export interface Change {
  readonly sql: Sql;
  readonly now: Date;
  /** Notes what caches and sockets must hear. */
  tell(change: IdentityChange): void;
  audit(action: string, target?: string, details?: Readonly<Record<string, Json>>, orgId?: string): Promise<void>;
  event(event: {
    readonly kind: EntityKind;
    readonly id: string;
    readonly type: EventType;
    readonly orgId: string | null;
    readonly parent?: string;
    readonly payload: Record<string, Json>;
  }): Promise<void>;
}

export type Commit = <T>(author: Author, work: (change: Change) => Promise<T>) => Promise<T>;

export function createCommit({
  database,
  clock,
  revocations,
}: {
  readonly database: Database;
  readonly clock: Clock;
  readonly revocations: Revocations;
}): Commit {
  return async (author, work) => {
    const changes: IdentityChange[] = [];
    const result = await database.engine.transaction(async (sql) => {
      const now = new Date(clock.now());
      const done = await work({
        sql,
        now,
        tell: (change) => changes.push(change),
        audit: (action, target, details, orgId) =>
          insertAudit(sql, {
            id: newId('aud', clock),
            orgId: orgId ?? author.orgId,
            at: now,
            actor: author.actor,
            action,
            target,
            address: author.address,
            details,
          }),
        async event(event) {
          const sequence = await nextSequence(sql, event.kind, event.id);
          await writeEvents(sql, [{ ...event, sequence, ...(author.requestId === undefined ? {} : { requestId: author.requestId }) }]);
        },
      });
      await revocations.write(sql, changes);
      return done;
    });
    revocations.tell(changes);
    database.announce();
    return result;
  };
}
