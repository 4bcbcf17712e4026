/** Saved views of people: one's own are one's own, shared ones are everybody's to see and an administrator's to change. Never reads what a filter says. */
import type { Caller } from '../contract/caller.ts';
import type { SavedView } from '../contract/saved-views.ts';
import { fail } from '../kernel/fail.ts';
import type { Sql, SqlPool } from '../store/client.ts';
import { countSavedViews, deleteSavedView, insertSavedView, listSavedViews, lockSavedViews, readSavedView, updateSavedView } from '../store/saved-views.ts';
import type { Author, Commit } from './commit.ts';
import { hasRole } from './policy.ts';

const MAX_VIEWS = 200;

export interface SavedViews {
  /** The caller's own and the shared ones, by name. */
  list(
    caller: Caller,
    page: { readonly page?: SavedView['page'] | undefined; readonly after?: string | undefined; readonly limit: number },
  ): Promise<SavedView[]>;
  /** @throws AppError conflict */
  add(caller: Caller, view: Pick<SavedView, 'id' | 'page' | 'name' | 'filter' | 'isShared'>, author: Author): Promise<SavedView>;
  /** @throws AppError not_found, forbidden, conflict */
  change(caller: Caller, change: { readonly id: string } & Partial<Pick<SavedView, 'name' | 'filter' | 'isShared'>>, author: Author): Promise<SavedView>;
  /** @throws AppError not_found, forbidden */
  remove(caller: Caller, id: string, author: Author): Promise<void>;
}

export function createSavedViews({ sql, commit }: { readonly sql: SqlPool; readonly commit: Commit }): SavedViews {
  return {
    list: ({ orgId, userId }, page) => listSavedViews(sql, { orgId, userId, ...page }),
    add: (caller, view, author) =>
      commit(author, async ({ sql, now }) => {
        const { orgId, userId } = caller;
        await lockSavedViews(sql, { orgId, userId });
        if ((await countSavedViews(sql, { orgId, userId })) >= MAX_VIEWS)
          fail('conflict', `You have ${MAX_VIEWS} saved views, which is the limit. Delete one first.`);
        if (!(await insertSavedView(sql, { ...view, orgId, userId, now }))) taken(view.name);
        return seen(sql, caller, view.id);
      }),
    change: (caller, { id, ...wanted }, author) =>
      commit(author, async ({ sql, now }) => {
        const view = await mine(sql, caller, id);
        await lockSavedViews(sql, { orgId: caller.orgId, userId: view.owner.userId });
        const changed = { id, name: wanted.name ?? view.name, filter: wanted.filter ?? view.filter, isShared: wanted.isShared ?? view.isShared, now };
        if (!(await updateSavedView(sql, changed))) taken(changed.name);
        // What an administrator takes out of sight is out of the administrator's sight, too.
        return (await readSavedView(sql, { ...caller, id })) ?? { ...view, ...wanted, updatedAt: now.toISOString() };
      }),
    remove: (caller, id, author) =>
      commit(author, async ({ sql }) => {
        await mine(sql, caller, id);
        await deleteSavedView(sql, id);
      }),
  };
}

async function seen(sql: Sql, { orgId, userId }: Caller, id: string): Promise<SavedView> {
  return (await readSavedView(sql, { orgId, userId, id })) ?? fail('not_found', `There is no view ${id}.`);
}

async function mine(sql: Sql, caller: Caller, id: string): Promise<SavedView> {
  const view = await seen(sql, caller, id);
  if (view.owner.userId !== caller.userId && !hasRole(caller.role, 'admin'))
    fail('forbidden', `The view "${view.name}" is ${view.owner.name}'s; they or an administrator may change it. Save one of your own.`);
  return view;
}

function taken(name: string): never {
  return fail('conflict', `There is a view "${name}" on that page already; choose another name, or change that one.`);
}
