/** What goes on with orgs, followed live. */
import { applyOrgEvent, type OrgWorks } from './org-work-words.ts';
import { useResource } from './resource.ts';

/** What this person asked for and what goes on with it, from now on: nothing keeps what was told before. */
export function useOrgWorks(userId: string): OrgWorks {
  const follow = { rooms: [`user:${userId}`], apply: applyOrgEvent, cursorOf: () => undefined };
  return useResource<OrgWorks>(() => Promise.resolve({}), [userId], { follow }).value ?? {};
}
