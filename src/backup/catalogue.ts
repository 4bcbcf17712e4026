/** What lies at the place: backups as their manifests tell, with their proofs; and clearing away what no backup needs. The place is the truth, so that a database
 *  that was lost takes no knowledge of its backups along. Manifests never change, so they are read once. */
import type { Backup } from '../contract/backups.ts';
import { AppError } from '../kernel/fail.ts';
import { contentFolder, contentPath, readFileList } from './file-list.ts';
import type { BackupKey } from './crypt.ts';
import { manifestPath, ownBytesOf, rawBytesOf, readManifest, rowsOf, type Manifest } from './manifest.ts';
import type { Place } from './place.ts';
import { readProof, type Proof } from './proof.ts';
import { listIds } from './store-files.ts';

export interface Listed {
  readonly id: string;
  /** Undefined: damaged. */
  readonly manifest: Manifest | undefined;
  readonly fault: string | null;
  readonly proof: Proof | undefined;
}

export interface Catalogue {
  /** Newest first, finished ones only. */
  list(): Promise<readonly Listed[]>;
  /** Reads proofs again at the next look. */
  forget(): void;
  /** Removes a backup: first its manifest, so that a kill leaves none that looks whole. */
  remove(id: string): Promise<number>;
}

export function createCatalogue(place: Place): Catalogue {
  const known = new Map<string, Manifest>();
  let proofs = new Map<string, Proof | undefined>();
  return {
    async list() {
      const listed: Listed[] = [];
      for (const id of await listIds(place)) {
        if ((await place.size(manifestPath(id))) === undefined) continue; // Not finished. Serial: few, and a bucket answers in its own time.
        if (!proofs.has(id)) proofs.set(id, await readProof(place, id));
        listed.push({ id, proof: proofs.get(id), ...(await readKnown(id)) });
      }
      for (const id of known.keys()) if (listed.every((one) => one.id !== id)) known.delete(id);
      return listed;
    },
    forget() {
      proofs = new Map();
    },
    async remove(id) {
      const paths: string[] = [];
      let bytes = 0;
      for await (const entry of place.list(`backups/${id}`)) {
        paths.push(entry.path);
        bytes += entry.bytes;
      }
      await place.remove(paths.filter((path) => path === manifestPath(id)));
      await place.remove(paths);
      known.delete(id);
      proofs.delete(id);
      return bytes;
    },
  };

  async function readKnown(id: string): Promise<Pick<Listed, 'manifest' | 'fault'>> {
    const manifest = known.get(id);
    if (manifest !== undefined) return { manifest, fault: null };
    try {
      const read = await readManifest(place, id);
      known.set(id, read);
      return { manifest: read, fault: null };
    } catch (error) {
      if (error instanceof AppError && error.code === 'backup_unusable') return { manifest: undefined, fault: error.message };
      throw error;
    }
  }
}

/** Backups that a killed run of this workspace left without a manifest. */
export async function removeUnfinished(place: Place, catalogue: Catalogue, isOurs: (id: string) => Promise<boolean>): Promise<number> {
  let removed = 0;
  for (const id of await listIds(place)) {
    if ((await place.size(manifestPath(id))) !== undefined || !(await isOurs(id))) continue; // Serial: few.
    await catalogue.remove(id);
    removed++;
  }
  return removed;
}

/** Removes content of this workspace under one key that none of `manifests` lists. Nothing is removed when one of them can't be read. @returns bytes */
export async function removeLooseContent(options: {
  readonly place: Place;
  readonly workspaceId: string;
  readonly key: BackupKey | undefined;
  readonly manifests: readonly Manifest[];
  readonly signal: AbortSignal;
}): Promise<number> {
  const { place, workspaceId, key, signal } = options;
  const needed = new Set<string>();
  for (const manifest of options.manifests) {
    if (manifest.workspaceId !== workspaceId || manifest.encryption?.keyId !== key?.facts.keyId) continue;
    for await (const file of readFileList({ place, manifest, key, signal })) needed.add(contentPath(workspaceId, file.sha256, key));
  }
  const loose: string[] = [];
  let bytes = 0;
  for await (const entry of place.list(contentFolder(workspaceId, key))) {
    if (needed.has(entry.path)) continue;
    loose.push(entry.path);
    bytes += entry.bytes;
  }
  await place.remove(loose);
  return bytes;
}

/** As the API shows it. */
export function describe({ id, manifest, fault, proof }: Listed): Backup {
  const never = new Date(0).toISOString();
  const about = { id, fault, proof: proof ?? null };
  if (manifest === undefined) {
    return {
      ...about,
      ...{
        status: 'damaged',
        kind: 'logical',
        postgresMajor: null,
        createdAt: timeOf(id) ?? never,
        endedAt: timeOf(id) ?? never,
        createdBy: '',
        reason: 'manual',
      },
      ...{ studioVersion: '', schemaVersion: 0, postgresVersion: '', isEncrypted: false, tables: 0, rows: 0, files: 0, rawBytes: 0, bytes: 0, leftOut: [] },
    };
  }
  return {
    ...about,
    status: 'complete',
    kind: manifest.kind,
    postgresMajor: manifest.kind === 'physical' ? manifest.cluster.major : null,
    createdAt: manifest.createdAt,
    endedAt: manifest.endedAt,
    createdBy: manifest.createdBy,
    reason: manifest.reason,
    studioVersion: manifest.studio.version,
    schemaVersion: manifest.studio.schemaVersion,
    postgresVersion: manifest.postgres.version,
    isEncrypted: manifest.encryption !== null,
    tables: manifest.tables.length,
    rows: rowsOf(manifest),
    files: manifest.files.count,
    rawBytes: rawBytesOf(manifest),
    bytes: ownBytesOf(manifest) + manifest.files.newBytes,
    leftOut: manifest.leftOut.map((one) => ({ ...one })),
  };
}

/** An id begins with its time. */
function timeOf(id: string): string | undefined {
  const digits = id.slice(4, 14);
  let ms = 0;
  for (const digit of digits) ms = ms * 32 + '0123456789abcdefghjkmnpqrstvwxyz'.indexOf(digit);
  return Number.isNaN(ms) || ms < 0 || ms > 8.64e15 ? undefined : new Date(ms).toISOString();
}
