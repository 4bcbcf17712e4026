/** Names of the members of the organisation, by user id. */
import { call } from '../api.ts';
import { me } from '../session.ts';
import { useResource } from './resource.ts';

/** Only admins may read who is a member: others know themselves. Where a name is not known, the id is all there is. */
export function usePeople(): ReadonlyMap<string, string> {
  const self = me.value;
  const isAdmin = self !== undefined && self.role !== 'user';
  const members = useResource((signal) => call('GET /api/v1/orgs/current/members', { query: { limit: 200 }, signal }), [isAdmin], { enabled: isAdmin });
  const known = members.value?.items.map((member) => [member.userId, member.name] as const) ?? [];
  return new Map(self === undefined ? known : [...known, [self.id, self.name]]);
}
