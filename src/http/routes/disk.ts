/** What takes the disk, and cleaning it up. Counts nothing itself. */
import { diskEndpoints } from '../../contract/disk.ts';
import type { Infrastructure } from '../../ops/infrastructure.ts';
import type { OrgStorageControl } from '../../ops/org-storage.ts';
import type { Retention } from '../../ops/retention.ts';
import { routesOf, type Route } from '../route.ts';

export interface DiskParts {
  readonly retention: Retention;
  readonly infrastructure: Pick<Infrastructure, 'storage'>;
  readonly orgStorage: OrgStorageControl;
  readonly runDataBytes: () => number | null;
}

export function diskRoutes({ retention, infrastructure, orgStorage, runDataBytes }: DiskParts): readonly Route[] {
  return routesOf(diskEndpoints, {
    'GET /api/v1/system/disk': async () => {
      const [{ storage, folders }, classes] = await Promise.all([infrastructure.storage(), retention.list()]);
      return {
        body: {
          totalBytes: storage?.totalBytes ?? 0,
          freeBytes: storage?.freeBytes ?? 0,
          folders: [...folders],
          runDataBytes: runDataBytes(),
          classes: classes.map(({ oldest, due, dueBytes, ...facts }) => ({
            ...facts,
            oldest: oldest?.toISOString() ?? null,
            due: { rows: due, bytes: dueBytes },
          })),
        },
      };
    },
    'GET /api/v1/system/disk/orgs': async () => ({ body: await orgStorage.list() }),
    'GET /api/v1/orgs/current/storage': async (call) => ({ body: await orgStorage.of(call.caller.orgId) }),
    'PUT /api/v1/system/disk/retention': async (call) => ({ body: await retention.set(call.body, { actor: call.caller.userId, address: call.address }) }),
    'POST /api/v1/system/disk/clean': async (call) => ({ body: await retention.clean(call.body, { actor: call.caller.userId, address: call.address }) }),
  });
}
