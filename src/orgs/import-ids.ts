/** Ids that come with an exported file: whether they are free here, and other ones in their place where they are not. */
import { createHash } from 'node:crypto';
import type { Sql } from '../store/client.ts';
import { findTakenCredentials } from '../store/credentials.ts';
import { findTaken, type OrgTable } from '../store/org-export.ts';
import type { Survey } from './import-survey.ts';

const WITH_ID: readonly OrgTable[] = ['workflows', 'instances', 'jobs', 'artifacts', 'files'];
const ID = /\b(?:wf|inst|job|art|file|grp|cred)_[0-9a-z]{26}\b/g;
export const WHOLE_ID = /^[a-z]{2,4}_[0-9a-z]{26}$/;

/** @returns one of them; undefined: all are free */
export async function findTakenIds(sql: Sql, survey: Survey): Promise<string | undefined> {
  for (const table of WITH_ID) {
    const ids = survey.ids.get(table) ?? [];
    for (let at = 0; at < ids.length; at += 10_000) {
      const [first] = await findTaken(sql, { table, ids: ids.slice(at, at + 10_000) }); // Serial: the first that is found is enough.
      if (first !== undefined) return first;
    }
  }
  const [credential] = await findTakenCredentials(
    sql,
    survey.credentials.map(({ id }) => id),
  );
  return credential;
}

/** New ids for all of the file's, also where texts mention them. The time in an id stays: run data lies by it. */
export function renamer(survey: Survey, orgId: string): (text: string) => string {
  const ours = new Set([...[...survey.ids.values()].flat(), ...survey.credentials.map(({ id }) => id)]);
  const rename = (id: string): string => {
    if (!ours.has(id) && !id.startsWith('grp_')) return id;
    const [prefix = '', rest = ''] = id.split('_');
    const digest = createHash('sha256').update(`${orgId} ${id}`).digest().subarray(0, 16);
    return `${prefix}_${rest.slice(0, 10)}${Array.from(digest, (value) => '0123456789abcdefghjkmnpqrstvwxyz'.charAt(value & 31)).join('')}`;
  };
  const org = survey.header.org.id;
  return (text) => (WHOLE_ID.test(org) ? text.replaceAll(ID, rename).replaceAll(org, orgId) : text.replaceAll(ID, rename));
}
