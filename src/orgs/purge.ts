/** Deletes an org with everything it has: its work is stopped, its rows and bytes go, and what is left is counted again: nothing. Can be broken off at any
 *  moment and done again: it goes on with what is left. Other orgs are never touched. */
import { createHash } from 'node:crypto';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { purgeCertificate, type PurgeCertificate, type PurgePreview } from '../contract/orgs.ts';
import { fail } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Progress } from '../kernel/progress.ts';
import type { Author, Commit } from '../identity/commit.ts';
import { endSessions } from '../identity/sessions.ts';
import { deleteApiKeys } from '../store/api-keys.ts';
import { insertAudit } from '../store/audit.ts';
import type { Database } from '../store/client.ts';
import { insertCommand } from '../store/commands.ts';
import { cancelQueuedJob, requestJobCancel } from '../store/job-cancels.ts';
import { listMachineSettings, writeMachineSetting } from '../store/machine.ts';
import {
  countOrgRows,
  deleteOrgInstances,
  deleteOrgItself,
  deleteOrgRows,
  endOrgWork,
  listOrgJobIds,
  listOrgPeople,
  listOrgTables,
  listOrgWork,
  listPurgeObstacles,
  silenceOrg,
  type TableCount,
} from '../store/org-purge.ts';
import { findOrg } from '../store/orgs.ts';
import { deleteSessions } from '../store/sessions.ts';
import { sealCertificate } from './certificate.ts';
import { tellWork, type OrgWorkParts } from './progress.ts';

export interface PurgeParts extends OrgWorkParts {
  readonly database: Database;
  readonly commit: Commit;
  readonly workspacePath: string;
  /** CREDENTIAL_ENCRYPTION_KEY: seals the certificate. */
  readonly secret: string;
  /** Whether a Studio serves this workspace: it ends what runs. */
  readonly isServing: boolean;
}

interface Org {
  readonly id: string;
  readonly name: string;
}

/** How long what runs may take to end: a cancelled job has its grace, then is killed. */
const STOP_MS = 90_000;
const LOOK_MS = 250;
const PAGE = 1_000;
const KEY = 'org-purge:';

/** What a purge would delete. @throws AppError not_found */
export async function previewPurge(parts: PurgeParts, wanted: string): Promise<PurgePreview> {
  const sql = parts.database.engine;
  const org = await requireOrg(parts, wanted);
  const tables: TableCount[] = [];
  for (const table of await listOrgTables(sql)) tables.push(await countOrgRows(sql, { orgId: org.id, table })); // Serial: counting reads whole tables.
  const work = await listOrgWork(sql, org.id);
  return {
    org,
    tables: tables.filter(({ rows }) => rows > 0),
    content: await weigh(foldersOf(parts, org.id)),
    people: (await listOrgPeople(sql, org.id)).filter(({ isAlone }) => isAlone).map(({ email }) => email),
    running: { instances: work.instances.length, jobs: work.jobs.length },
    obstacles: [...(await listPurgeObstacles(sql, org.id))],
  };
}

/** @param wanted.name has to be the org's name, as a person wrote it
 *  @throws AppError not_found, invalid_body, conflict when something stands in the way, still_running when work does not end */
export async function purgeOrg(parts: PurgeParts, wanted: { readonly org: string; readonly name: string }, author: Author): Promise<PurgeCertificate> {
  const { database, clock } = parts;
  const sql = database.engine;
  const org = await requireOrg(parts, wanted.org);
  if (wanted.name !== org.name)
    fail('invalid_body', { message: `This org is called "${org.name}", not "${wanted.name}". Nothing was deleted.`, details: { path: 'name' } });
  const obstacles = await listPurgeObstacles(sql, org.id);
  if (obstacles.length > 0) fail('conflict', { message: `${org.name} can't be purged yet. ${obstacles.join(' ')}`, details: { obstacles: [...obstacles] } });
  const startedAt = new Date(clock.now()).toISOString();
  const people = await shutOut(parts, org, author);
  const { tables, content } = await tellWork(parts, { work: 'purge', org: org.id, actor: author.actor }, async (progress) => {
    progress.enter('stop');
    await endWork(parts, org);
    const jobIds = await readJobIds(parts, org.id);
    const gone = await deleteRows(parts, org.id, progress);
    return { tables: gone, content: await removeContent(foldersOf(parts, org.id, jobIds), progress) };
  });
  const removed = await sql.transaction((tx) => deleteOrgItself(tx, { orgId: org.id, people: people.filter(({ isAlone }) => isAlone) }));
  // Events that were on their way, and rows that a process wrote while it ended.
  for (const table of tables) await deleteOrgRows(sql, { orgId: org.id, table: table.table }, (count) => add(tables, count));
  const counted = [];
  for (const table of tables) counted.push({ ...table, left: (await countOrgRows(sql, { orgId: org.id, table: table.table })).rows });
  const left = (await weigh(foldersOf(parts, org.id))).files;
  const certificate = sealCertificate(
    {
      kind: 'studio/org-purge/v1',
      org,
      requestedBy: author.actor,
      startedAt,
      endedAt: new Date(clock.now()).toISOString(),
      tables: counted.filter(({ rows, left: kept }) => rows > 0 || kept > 0),
      content: { ...content, left },
      people: removed,
      notes: [
        'Backups that were made before still hold this org until they are pruned: studio backup list.',
        'Logs that were shipped elsewhere, and files that people downloaded, are not of this Studio any more.',
      ],
    },
    parts.secret,
  );
  await keep(parts, certificate, author);
  return certificate;
}

/** Certificates of purges that came to their end, newest first. */
export async function listCertificates(parts: Pick<PurgeParts, 'database'>): Promise<PurgeCertificate[]> {
  const kept = await listMachineSettings(parts.database.engine, KEY);
  return kept
    .flatMap((value) => {
      const read = purgeCertificate.safeParse(value);
      return read.success ? [read.data] : [];
    })
    .toSorted((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
}

async function requireOrg({ database }: PurgeParts, wanted: string): Promise<Org> {
  return (await findOrg(database.engine, wanted)) ?? fail('not_found', `There is no org "${wanted}", or several have that name: use its id (studio org list).`);
}

/** From here on nobody of the org gets in, and nothing of it starts. */
function shutOut({ commit }: PurgeParts, org: Org, author: Author) {
  return commit(author, async (change) => {
    const people = await listOrgPeople(change.sql, org.id);
    for (const { userId } of people) {
      // Serial: one connection.
      await endSessions(change, await deleteSessions(change.sql, { userId, orgId: org.id }), 'org_purged');
      for (const keyId of await deleteApiKeys(change.sql, { orgId: org.id, userId })) change.tell({ kind: 'key', keyId });
      change.tell({ kind: 'user', userId });
    }
    await silenceOrg(change.sql, org.id);
    return people;
  });
}

async function endWork(parts: PurgeParts, org: Org): Promise<void> {
  const { database, clock } = parts;
  const sql = database.engine;
  const deadline = clock.monotonic() + STOP_MS;
  const asked = new Set<string>();
  for (;;) {
    const work = await listOrgWork(sql, org.id);
    if (work.instances.length + work.jobs.length === 0) return;
    if (!parts.isServing) {
      const running = work.jobs.filter(({ isRunning }) => isRunning).map(({ id }) => id);
      if (running.length > 0)
        fail(
          'still_running',
          `Jobs of ${org.name} may still run (${running.slice(0, 3).join(', ')}), and no Studio is there to end them: studio start, then try again.`,
        );
      await endOrgWork(sql, { orgId: org.id, now: new Date(clock.now()) });
      continue;
    }
    const nowMs = clock.now();
    for (const id of work.instances.filter((one) => !asked.has(one))) {
      // Serial: their owner takes them up one by one.
      await insertCommand(sql, { id: newId('cmd', clock), orgId: org.id, instanceId: id, kind: 'cancel', payload: { requestId: newId('req', clock) } });
      asked.add(id);
    }
    for (const { id, isRunning } of work.jobs) {
      const cancel = { id, orgId: org.id, reason: 'its organisation is being purged', nowMs };
      await (isRunning ? requestJobCancel(sql, cancel) : sql.transaction((tx) => cancelQueuedJob(tx, cancel)));
    }
    database.announce();
    if (clock.monotonic() > deadline) {
      const left = [...work.instances, ...work.jobs.map(({ id }) => id)].slice(0, 5).join(', ');
      fail(
        'still_running',
        `Work of ${org.name} did not end within ${STOP_MS / 1000} s: ${left}. Its people are shut out; nothing was deleted. Ask again in a minute.`,
      );
    }
    await clock.sleep(LOOK_MS);
  }
}

async function deleteRows({ database }: PurgeParts, orgId: string, progress: Progress): Promise<TableCount[]> {
  const sql = database.engine;
  const order = await listOrgTables(sql);
  const counts: TableCount[] = order.map((table) => ({ table, rows: 0, bytes: 0 }));
  progress.enter('count');
  let total = 0;
  for (const table of order) {
    total += (await countOrgRows(sql, { orgId, table })).bytes; // Serial: counting reads whole tables.
    progress.add(0, table);
  }
  progress.enter('rows', total);
  const note = (count: TableCount): void => {
    add(counts, count);
    progress.add(count.bytes, count.table);
  };
  await deleteOrgInstances(sql, orgId, note);
  for (const table of order) await deleteOrgRows(sql, { orgId, table }, note); // Serial: others point at the later ones.
  return counts;
}

function add(counts: TableCount[], { table, rows, bytes }: TableCount): void {
  const at = counts.findIndex((one) => one.table === table);
  const before = counts[at];
  if (before !== undefined) counts[at] = { table, rows: before.rows + rows, bytes: before.bytes + bytes };
}

async function readJobIds({ database }: PurgeParts, orgId: string): Promise<string[]> {
  const ids: string[] = [];
  for (let after = ''; ;) {
    const page = await listOrgJobIds(database.engine, { orgId, after, limit: PAGE }); // Serial: pages.
    ids.push(...page);
    if (page.length < PAGE) return ids;
    after = page.at(-1) ?? after;
  }
}

/** Names that Studio made: an org's id is a folder's name, a job's, too. */
function foldersOf({ workspacePath }: PurgeParts, orgId: string, jobIds: readonly string[] = []): string[] {
  return [join(workspacePath, 'files', orgId), join(workspacePath, 'inbox', orgId), ...jobIds.map((id) => join(workspacePath, 'jobs', id))];
}

async function removeContent(folders: readonly string[], progress: Progress): Promise<{ files: number; bytes: number }> {
  progress.enter('weigh');
  const weight = await weigh(folders);
  progress.enter('files', weight.bytes);
  for (const folder of folders) {
    // Serial: one disk. The content of an org lies in a few hundred folders, each of them a step that can be seen.
    for (const name of await readdir(folder).catch(() => [])) {
      const path = join(folder, name);
      const { bytes } = await weigh([path]);
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
      progress.add(bytes);
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
  return weight;
}

/** Follows no link. */
async function weigh(folders: readonly string[]): Promise<{ files: number; bytes: number }> {
  let [files, bytes] = [0, 0];
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])) {
      if (entry.isDirectory()) continue;
      files++;
      bytes += (await lstat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
    }
  }
  return { files, bytes };
}

async function keep({ database, clock }: PurgeParts, certificate: PurgeCertificate, author: Author): Promise<void> {
  const now = new Date(clock.now());
  const key = `${KEY}${createHash('sha256').update(`${certificate.org.id} ${certificate.startedAt}`).digest('hex').slice(0, 32)}`;
  await database.engine.transaction(async (sql) => {
    await writeMachineSetting(sql, { key, value: certificate, now });
    const details = { name: certificate.org.name, sha256: certificate.sha256 };
    // Of the machine: a trail of the org would have to be deleted itself.
    await insertAudit(sql, {
      id: newId('aud', clock),
      orgId: null,
      at: now,
      actor: author.actor,
      action: 'org.purged',
      target: certificate.org.id,
      address: author.address,
      details,
    });
  });
}
