/** Backups over the API. */
import { backupEndpoints } from '../../contract/backups.ts';
import type { Backups } from '../../backup/backups.ts';
import type { BackupAuthor } from '../../backup/record.ts';
import { routesOf, type Call, type Route } from '../route.ts';

export function backupRoutes(backups: Backups): readonly Route[] {
  return routesOf(backupEndpoints, {
    'GET /api/v1/backups': async (call) => {
      const cursor = await call.cursor();
      return { body: { ...(await backups.list()), cursor } };
    },
    'POST /api/v1/backups': async (call) => ({ body: await backups.create({ id: call.newId('bak'), reason: 'manual', ...call.body }, authorOf(call)) }),
    'PUT /api/v1/backups/settings': async (call) => ({ body: await backups.setSettings(call.body, authorOf(call)) }),
    'POST /api/v1/backups/prune': async (call) => ({ body: await backups.prune(call.body, authorOf(call)) }),
    'GET /api/v1/backups/{id}': async (call) => ({ body: await backups.read(call.params.id) }),
    'DELETE /api/v1/backups/{id}': async (call) => {
      await backups.remove(call.params.id, authorOf(call));
      return { body: undefined };
    },
    'POST /api/v1/backups/{id}/verify': async (call) => ({ body: await backups.verify({ id: call.params.id, ...call.body }, authorOf(call)) }),
    'POST /api/v1/backups/{id}/cancel': async (call) => {
      await backups.cancel(call.params.id, authorOf(call));
      return { body: undefined };
    },
    'GET /api/v1/backups/{id}/archive': async (call) => {
      return new Response(await backups.export(call.params.id, call.signal), {
        headers: {
          'content-type': 'application/x-tar',
          'content-disposition': `attachment; filename="studio-${call.params.id}.tar"`,
          'x-content-type-options': 'nosniff',
          'cache-control': 'private, no-store',
        },
      });
    },
  });
}

function authorOf(call: Call): BackupAuthor {
  return { actor: call.caller.userId, orgId: call.caller.orgId, address: call.address };
}
