/** What each org takes of the machine: its rows, files, artifacts, uploads, models, and the folders of its jobs with their logs. Dear to measure, so it is kept for a
 *  minute, one measurement at a time. Deletes nothing. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { OrgStorage, OrgStorageList } from '../contract/disk.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/fail.ts';
import type { SqlPool } from '../store/client.ts';
import { listOrgContent, listOrgTables, readJobOrgs, readOrgShares } from '../store/org-storage.ts';
import { measureFolder } from './folder-size.ts';

export interface OrgStorageControl {
  list(): Promise<OrgStorageList>;
  /** @throws AppError not_found */
  of(orgId: string): Promise<OrgStorage & Pick<OrgStorageList, 'measuredAt' | 'isComplete'>>;
}

export interface OrgStorageParts {
  readonly sql: SqlPool;
  readonly clock: Clock;
  /** Where the folders of jobs are. */
  readonly jobsPath: string;
}

const KEPT_MS = 60_000;
/** Walking a network volume takes long: so much of it. */
const WALK_MS = 3_000;
/** Of a larger table so many rows are looked at, about. */
const SAMPLED_ROWS = 20_000;
const BITE = 500;

interface Sum {
  rows: number;
  bytes: number;
}

export function createOrgStorage(parts: OrgStorageParts): OrgStorageControl {
  const { clock } = parts;
  let kept: { readonly at: number; readonly list: OrgStorageList } | undefined;
  let measuring: Promise<OrgStorageList> | undefined;

  async function list(): Promise<OrgStorageList> {
    if (kept !== undefined && clock.monotonic() - kept.at < KEPT_MS) return kept.list;
    measuring ??= measure(parts).finally(() => (measuring = undefined));
    const fresh = await measuring;
    kept = { at: clock.monotonic(), list: fresh };
    return fresh;
  }

  return {
    list,
    async of(orgId) {
      const { items, measuredAt, isComplete } = await list();
      const own = items.find(({ org }) => org.id === orgId) ?? fail('not_found', 'This organisation was not measured yet. Look again in a minute.');
      return { ...own, measuredAt, isComplete };
    },
  };
}

async function measure({ sql, clock, jobsPath }: OrgStorageParts): Promise<OrgStorageList> {
  const [orgs, database, jobs] = await Promise.all([listOrgContent(sql), measureRows(sql), measureJobs({ sql, clock, jobsPath })]);
  const items = orgs.map((org): OrgStorage => {
    const rows = database.get(org.orgId) ?? { rows: 0, bytes: 0 };
    const folders = jobs.byOrg.get(org.orgId) ?? { rows: 0, bytes: 0 };
    return {
      org: { id: org.orgId, name: org.name },
      database: { count: Math.round(rows.rows), bytes: Math.round(rows.bytes) },
      files: { count: org.files, bytes: org.fileBytes },
      artifacts: { count: org.artifacts, bytes: org.artifactBytes },
      uploads: { count: org.uploads, bytes: org.uploadBytes },
      jobs: { count: folders.rows, bytes: folders.bytes },
      models: { count: org.models, bytes: org.modelBytes },
      totalBytes: Math.round(rows.bytes) + org.contentBytes + org.uploadBytes + folders.bytes + org.modelBytes,
    };
  });
  return { items: items.toSorted((a, b) => b.totalBytes - a.totalBytes), measuredAt: new Date(clock.now()).toISOString(), isComplete: jobs.isComplete };
}

/** Each table's bytes go to orgs by what their rows weigh in it. */
async function measureRows(sql: SqlPool): Promise<ReadonlyMap<string, Sum>> {
  const sums = new Map<string, Sum>();
  for (const { name, rows, bytes } of await listOrgTables(sql)) {
    const percent = rows > SAMPLED_ROWS ? Math.max(0.01, (SAMPLED_ROWS / rows) * 100) : 100;
    const shares = await readOrgShares(sql, { name, percent }); // Serial: each reads a table.
    const weight = shares.reduce((sum, one) => sum + one.weight, 0);
    for (const share of shares) add(sums, share.orgId, share.rows, weight === 0 ? 0 : (bytes * share.weight) / weight);
  }
  return sums;
}

/** Folders of jobs are named by their ids. */
async function measureJobs({ sql, clock, jobsPath }: OrgStorageParts): Promise<{ readonly byOrg: ReadonlyMap<string, Sum>; readonly isComplete: boolean }> {
  const byOrg = new Map<string, Sum>();
  const deadline = clock.monotonic() + WALK_MS;
  const ids = (await readdir(jobsPath).catch(() => [])).filter((name) => name.startsWith('job_'));
  for (let from = 0; from < ids.length; from += BITE) {
    if (clock.monotonic() > deadline) return { byOrg, isComplete: false };
    const bite = ids.slice(from, from + BITE);
    const orgs = await readJobOrgs(sql, bite); // Serial: one disk.
    for (const id of bite) {
      const orgId = orgs.get(id);
      if (orgId === undefined) continue;
      const { bytes, complete } = await measureFolder(join(jobsPath, id), deadline, clock); // Serial: one disk.
      add(byOrg, orgId, 1, bytes);
      if (!complete) return { byOrg, isComplete: false };
    }
  }
  return { byOrg, isComplete: true };
}

function add(sums: Map<string, Sum>, orgId: string, rows: number, bytes: number): void {
  const sum = sums.get(orgId) ?? { rows: 0, bytes: 0 };
  sums.set(orgId, { rows: sum.rows + rows, bytes: sum.bytes + bytes });
}
