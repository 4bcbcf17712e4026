/** Which rooms a caller may hear. Rooms of entities are asked of the database under row-level security; the rest is in the name. */
import type { Caller } from '../contract/caller.ts';
import type { Database } from '../store/client.ts';
import { hasEntity, type RoomKind } from '../store/rooms.ts';

export function createRoomRights(database: Database): (caller: Caller, room: string) => Promise<boolean> {
  return async (caller, room) => {
    const [kind, id = ''] = split(room);
    switch (kind) {
      // Of the machine: open to everybody who is signed in.
      case 'system':
        return true;
      case 'org':
        return id === caller.orgId;
      case 'user':
        return id === caller.userId;
      case 'instance':
      case 'workflow':
      case 'job':
      case 'download_job':
        return hasEntity(database.org(caller.orgId), kind satisfies RoomKind, id);
      // They tell of every organisation.
      case 'machine_log':
      case 'service_log':
        return caller.role === 'super_admin' && (caller.scopes === null || caller.scopes.some((scope) => scope === '*' || scope === 'machine:read'));
      case 'job_log':
        return hasEntity(database.org(caller.orgId), 'job', id);
      default:
        return false;
    }
  };
}

function split(room: string): readonly string[] {
  const colon = room.indexOf(':');
  return colon < 0 ? [room] : [room.slice(0, colon), room.slice(colon + 1)];
}
