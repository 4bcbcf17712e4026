/** What decides who is told: the rules of workflows, and who the people behind the words of a rule are. */
import type { NotifyRule, Recipient } from '../contract/notifications.ts';
import type { Sql } from './client.ts';

export interface WorkflowFacts {
  readonly id: string;
  readonly orgId: string;
  readonly name: string;
  /** Of the newest version: changed rules hold at once, also for what runs. Null: the org's hold. */
  readonly rules: readonly NotifyRule[] | null;
  readonly publishedBy: string | null;
}

/** Workflows by id; those that are gone are left out. */
export async function readWorkflowFacts(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, WorkflowFacts>> {
  const { rows } = await sql.query<WorkflowFacts>(
    `select w.id, w.org_id as "orgId", w.name, v.definition -> 'settings' -> 'notify' as rules, v.published_by as "publishedBy"
     from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version where w.id = any($1)`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** Which of these instances were called by another one, and which are test runs; the others are left out. */
export async function findOddInstances(sql: Sql, ids: readonly string[]): Promise<ReadonlyMap<string, 'child' | 'test'>> {
  const { rows } = await sql.query<{ id: string; is_test: boolean }>(
    `select id, is_test from instances where id = any($1) and (parent_id is not null or is_test)`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row.is_test ? 'test' : 'child']));
}

export interface Person {
  readonly userId: string;
  readonly email: string;
}

/** The members of an org that `to` means: by id, address or word; nobody twice, those who may not come in left out.
 *  Without a publisher (gone, or no longer a member) the word means the administrators. */
export async function findPeople(
  sql: Sql,
  options: { readonly orgId: string; readonly to: readonly Recipient[]; readonly publisher: string | null },
): Promise<readonly Person[]> {
  const { rows } = await sql.query<Person & { isAdmin: boolean }>(
    `select u.id as "userId", u.email, m.role = 'admin' or u.is_super_admin as "isAdmin" from members m join users u on u.id = m.user_id
     where m.org_id = $1 and m.status = 'active' order by u.id`,
    [options.orgId],
  );
  const wanted = new Set(options.to.map((one) => one.toLowerCase()));
  const publisher = wanted.has('publisher') ? rows.find((row) => row.userId === options.publisher) : undefined;
  const wantsAdmins = wanted.has('admins') || (wanted.has('publisher') && publisher === undefined);
  return rows
    .filter(
      (row) => row === publisher || wanted.has('members') || (wantsAdmins && row.isAdmin) || wanted.has(row.userId) || wanted.has(row.email.toLowerCase()),
    )
    .map(({ userId, email }) => ({ userId, email }));
}
