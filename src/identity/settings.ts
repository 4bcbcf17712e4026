/** Settings kept in the database, typed. `publicOrigin` is of the machine, the others of an org. Read often, so cached 2 s and dropped by notification. */
import type { Caller } from '../contract/caller.ts';
import type { Json } from '../contract/endpoint.ts';
import { settings as settingsSchema, type Settings, type SettingsPatch } from '../contract/settings.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import type { SqlPool } from '../store/client.ts';
import { readSettings, writeSetting } from '../store/settings.ts';
import type { Author, Commit } from './commit.ts';
import { hasRole } from './policy.ts';
import type { Revocations } from './revocation.ts';

const CACHE_MS = 2_000;
const DEFAULTS: Settings = {
  publicOrigin: null,
  allowedHosts: [],
  triggersPaused: false,
  modelAliases: {},
  visibleModels: [],
  modelLimits: {},
  notifications: [{ on: ['failed', 'waiting_approval'], channel: 'in_app' }],
};
/** Settings that concern more than the org: they need a super administrator. */
const OF_THE_MACHINE = ['publicOrigin', 'allowedHosts', 'visibleModels', 'modelLimits'] as const satisfies readonly (keyof Settings)[];
/** Settings stored once for all orgs. */
const SHARED: ReadonlySet<string> = new Set<keyof Settings>(['publicOrigin']);

export interface SettingsStore {
  /** What holds for an org, at most 2 s old. */
  of(orgId: string): Promise<Settings>;
  /** @throws AppError forbidden */
  patch(caller: Caller, wanted: SettingsPatch, author: Author): Promise<Settings>;
}

interface Parts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  readonly commit: Commit;
  readonly revocations: Revocations;
}

export function createSettings({ sql, clock, commit, revocations }: Parts): SettingsStore {
  const cache = new Map<string, { readonly value: Settings; readonly readAt: number }>();
  revocations.onChange((change) => {
    if (change.kind === 'settings') cache.clear();
  });
  const read = async (orgId: string): Promise<Settings> => {
    // Other parts keep settings of the machine in the same table, under keys of their own.
    const known = [...(await readSettings(sql, orgId))].filter(([key]) => Object.hasOwn(DEFAULTS, key));
    return settingsSchema.parse({ ...DEFAULTS, ...Object.fromEntries(known) });
  };
  return {
    async of(orgId) {
      const cached = cache.get(orgId);
      if (cached !== undefined && clock.monotonic() - cached.readAt < CACHE_MS) return cached.value;
      const readAt = clock.monotonic();
      const value = await read(orgId);
      cache.set(orgId, { value, readAt });
      return value;
    },
    async patch(caller, wanted, author) {
      const given = Object.entries(wanted).flatMap(([key, value]): [string, Json][] => (value === undefined ? [] : [[key, value as Json]]));
      const machine = OF_THE_MACHINE.filter((key) => wanted[key] !== undefined);
      if (machine.length > 0 && !hasRole(caller.role, 'super_admin'))
        fail('forbidden', `${machine.join(' and ')} concern the whole machine: only a super_admin may change them; you are ${caller.role}.`);
      await commit(author, async (change) => {
        for (const [key, value] of given) await writeSetting(change.sql, { orgId: SHARED.has(key) ? null : caller.orgId, key, value, now: change.now });
        change.tell({ kind: 'settings', orgId: caller.orgId });
        await change.event({
          kind: 'system',
          id: 'settings',
          type: 'system:settings:changed',
          orgId: caller.orgId,
          payload: { keys: given.map(([key]) => key) },
        });
        await change.audit('settings.changed', '', Object.fromEntries(given));
      });
      return read(caller.orgId);
    },
  };
}
