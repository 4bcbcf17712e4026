/** What is told of backups: events to whoever follows the room `system`, and rows of the audit trail. Never decides what is done. */
import type { Json } from '../contract/endpoint.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';

export interface BackupAuthor {
  readonly actor: string;
  readonly orgId: string | null;
  readonly address: string;
}

type EventName = 'started' | 'progress' | 'completed' | 'failed' | 'cancelled' | 'verified' | 'deleted';

export interface BackupRecord {
  tell(id: string, type: EventName, payload: Record<string, Json>): Promise<void>;
  audit(author: BackupAuthor, action: string, id: string, details?: Record<string, Json>): Promise<void>;
}

export function createRecord({ database, clock }: { readonly database: Database; readonly clock: Clock }): BackupRecord {
  return {
    async tell(id, type, payload) {
      await database.engine.transaction(async (sql) => {
        const sequence = await nextSequence(sql, 'backup', id);
        await writeEvents(sql, [{ kind: 'backup', id, sequence, type: `ops:backup:${type}`, orgId: null, payload }]);
      });
      database.announce();
    },
    async audit({ actor, orgId, address }, action, id, details = {}) {
      await insertAudit(database.engine, { id: newId('aud', clock), orgId, at: new Date(clock.now()), actor, action, target: id, address, details });
    },
  };
}
