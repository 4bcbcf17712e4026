/** What the person behind a run may do, now: read when a step needs more than a user's rights. */
import type { Role } from '../contract/values.ts';
import type { Sql } from './client.ts';
import { HAS_ACCESS } from './users.ts';

/** @returns undefined when the person is gone, shut out, or no member of the org any more */
export async function readPrincipalRole(sql: Sql, principal: { readonly orgId: string; readonly userId: string }): Promise<Role | undefined> {
  const { rows } = await sql.query<{ role: Role }>(
    `select case when u.is_super_admin then 'super_admin' else m.role end as role
     from users u left join members m on m.user_id = u.id and m.org_id = $1
     where u.id = $2 and ((u.is_super_admin and ${HAS_ACCESS}) or m.status = 'active')`,
    [principal.orgId, principal.userId],
  );
  return rows[0]?.role;
}

export interface MachineOwner {
  readonly userId: string;
  readonly orgId: string;
}

/** In whose name the machine itself acts: the oldest super administrator who may come in, in the oldest org. Undefined: nobody claimed it yet. */
export async function readMachineOwner(sql: Sql): Promise<MachineOwner | undefined> {
  const { rows } = await sql.query<{ user_id: string; org_id: string }>(
    `select u.id as user_id, o.id as org_id from users u cross join lateral (select id from orgs order by created_at, id limit 1) o
     where u.is_super_admin and ${HAS_ACCESS} order by u.created_at, u.id limit 1`,
  );
  const row = rows[0];
  return row === undefined ? undefined : { userId: row.user_id, orgId: row.org_id };
}
