/** Maintenance: its state, kept over restarts and told to all. Who is kept out is decided in http/mount.ts. Never stops work. */
import { maintenance as schema, type Maintenance } from '../contract/maintenance.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { nextSequence, writeEvents } from '../store/outbox.ts';
import { readMachineSetting, writeSetting } from '../store/settings.ts';

export interface MaintenanceControl {
  /** Reads what stood before the restart. */
  start(): Promise<void>;
  state(): Maintenance;
  set(wanted: Pick<Maintenance, 'mode' | 'message'>, by: { readonly actor: string; readonly orgId: string; readonly address: string }): Promise<Maintenance>;
}

const KEY = 'maintenance';
const OFF: Maintenance = { mode: 'off', message: null, since: null };

export function createMaintenance({ database, clock }: { readonly database: Database; readonly clock: Clock }): MaintenanceControl {
  let present = OFF;
  return {
    async start() {
      const stored = schema.safeParse(await readMachineSetting(database.engine, KEY));
      if (stored.success) present = stored.data;
    },
    state: () => present,
    async set({ mode, message }, by) {
      const now = new Date(clock.now());
      // Since when it is so, whatever is written over it meanwhile.
      const since = mode === present.mode && present.since !== null ? present.since : now.toISOString();
      const next: Maintenance = mode === 'off' ? OFF : { mode, message: message === '' ? null : message, since };
      await database.engine.transaction(async (sql) => {
        await writeSetting(sql, { orgId: null, key: KEY, value: next, now });
        await insertAudit(sql, { id: newId('aud', clock), at: now, action: 'machine.maintenance_set', ...by, details: { mode, message: next.message } });
        const sequence = await nextSequence(sql, 'system', KEY);
        await writeEvents(sql, [{ kind: 'system', id: KEY, type: 'system:maintenance:changed', payload: { ...next }, sequence, orgId: null }]);
      });
      present = next;
      database.announce();
      return next;
    },
  };
}
