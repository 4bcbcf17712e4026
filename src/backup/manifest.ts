/** What a backup says of itself: one line of JSON, then its seal. Written last, so that a backup without one never was finished.
 *  Never trusted before its seal is checked; every name in it is a name of ours or the backup is refused. */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { fail } from '../kernel/fail.ts';
import { encryptionFacts, isSameSeal, type BackupKey } from './crypt.ts';
import { readSmall, type Place } from './place.ts';

/** Read: these and those before them. A newer one is refused. A logical backup is of format 1, a physical one of format 2, so that a Studio that knows no physical
 *  ones says so. */
const FORMAT = { logical: 1, physical: 2 } as const;
const NEWEST_FORMAT = FORMAT.physical;
const MAX_MANIFEST_BYTES = 16 * 1024 ** 2;

const bytes = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const name = z.string().regex(/^[a-z_][a-z0-9_]{0,62}$/);
export const backupId = z.string().regex(/^bak_[0-9a-z]{26}$/);

/** As it lies at the place: compressed, and sealed where there is a passphrase. */
const part = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9_]+(\.[a-z0-9]+)*$/)
    .max(100),
  bytes,
  sha256,
});
export type Part = z.infer<typeof part>;

const table = z.strictObject({ name, rows: z.int().min(0), rawBytes: bytes, rawSha256: sha256, part });
export type ManifestTable = z.infer<typeof table>;

/** What every backup says. */
const common = {
  id: backupId,
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  createdBy: z.string().max(200),
  reason: z.enum(['manual', 'schedule']),
  workspaceId: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/),
  studio: z.strictObject({ version: z.string().max(60), schemaVersion: z.int().min(1), schemaName: z.string().max(100) }),
  postgres: z.strictObject({ version: z.string().max(60), databaseBytes: bytes }),
  encryption: encryptionFacts.nullable(),
  /** A value sealed with the workspace's key, and its hash: that the key at hand opens the secrets of the backup. */
  canary: z.strictObject({ keyId: z.string().max(64), sealed: z.base64().max(1_000), sha256 }),
  /** What is not in it, and why. */
  leftOut: z.array(z.strictObject({ what: z.string().max(100), why: z.string().max(400) })).max(50),
  /** The list of files is a part of its own; `newBytes`: of them, written by this backup. */
  files: z.strictObject({ part, count: z.int().min(0), bytes, newBytes: bytes }),
  /** Settings in clear, without any secret. */
  config: part,
  /** `.env` and the keys in force; only under a passphrase. */
  keys: part.nullable(),
};

/** Every table as text: it loads into any PostgreSQL. */
const logical = z.strictObject({
  format: z.literal(FORMAT.logical),
  kind: z.literal('logical'),
  ...common,
  tables: z.array(table).max(1_000),
  periods: z
    .array(z.strictObject({ name: z.string().regex(/^[a-z0-9]{1,20}$/), lower: z.string().max(100).nullable(), upper: z.string().max(100).nullable() }))
    .max(10_000),
  sequences: z.array(z.strictObject({ name, last: z.int() })).max(1_000),
});

const lsn = z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/);

/** The files of PostgreSQL themselves: they open with the same major version on the same kind of machine. */
const physical = z.strictObject({
  format: z.literal(FORMAT.physical),
  kind: z.literal('physical'),
  ...common,
  /** `witness`: what store/cluster-witness.ts says of it; null when it was written to while the backup was made. */
  tables: z
    .array(
      z.strictObject({
        name,
        rows: z.int().min(0),
        parts: z
          .array(
            z.strictObject({
              name,
              rows: z.int().min(0),
              witness: z
                .string()
                .regex(/^-?\d{1,40}$/)
                .nullable(),
            }),
          )
          .max(50_000),
      }),
    )
    .max(1_000),
  cluster: z.strictObject({
    systemId: z.string().regex(/^\d{1,20}$/),
    major: z.int().min(1),
    /** As Node names it: `x64`, `arm64`. */
    architecture: z.string().regex(/^[a-z0-9]{1,20}$/),
    blockBytes: z.int().min(1),
    walSegmentBytes: z.int().min(1),
    timeline: z.int().min(1),
    startLsn: lsn,
    endLsn: lsn,
    database: z.string().min(1).max(63),
    /** The data directory as one tar, its log included. */
    base: part,
    rawBytes: bytes,
    rawSha256: sha256,
    /** PostgreSQL's own manifest: path, size and SHA-256 of every file. */
    list: part,
    listBytes: bytes,
  }),
});

const manifestSchema = z.discriminatedUnion('kind', [logical, physical]);
export type LogicalManifest = z.infer<typeof logical>;
export type PhysicalManifest = z.infer<typeof physical>;
export type Manifest = z.infer<typeof manifestSchema>;

export function manifestPath(id: string): string {
  return `backups/${id}/manifest.json`;
}

export function partPath(id: string, partName: string): string {
  return `backups/${id}/${partName}`;
}

/** Every part, with its path. */
export function partsOf(manifest: Manifest): readonly (Part & { readonly path: string })[] {
  const database = manifest.kind === 'logical' ? manifest.tables.map((one) => one.part) : [manifest.cluster.base, manifest.cluster.list];
  const parts = [...database, manifest.files.part, manifest.config, ...(manifest.keys === null ? [] : [manifest.keys])];
  return parts.map((one) => ({ ...one, path: partPath(manifest.id, one.name) }));
}

/** What it holds before compression. */
export function rawBytesOf(manifest: Manifest): number {
  return manifest.files.bytes + databaseBytesOf(manifest);
}

/** What of that is the database. */
export function databaseBytesOf(manifest: Manifest): number {
  return manifest.kind === 'logical' ? manifest.tables.reduce((sum, one) => sum + one.rawBytes, 0) : manifest.cluster.rawBytes;
}

export function rowsOf({ tables }: Manifest): number {
  let rows = 0;
  for (const one of tables) rows += one.rows;
  return rows;
}

/** What it takes at the place but for content that others share. */
export function ownBytesOf(manifest: Manifest): number {
  return partsOf(manifest).reduce((sum, one) => sum + one.bytes, 0);
}

export function sealManifest(manifest: Manifest, key: BackupKey | undefined): Buffer {
  const line = Buffer.from(`${JSON.stringify(manifest)}\n`);
  return Buffer.concat([line, Buffer.from(sealOf(line, key))]);
}

function sealOf(line: Buffer, key: BackupKey | undefined): string {
  const plain = `sha256:${createHash('sha256').update(line).digest('hex')}\n`;
  return key === undefined ? plain : `${plain}hmac-sha256:${key.mac(line)}\n`;
}

/** Reads the manifest and checks that it is whole: every byte of it counts.
 *  @throws AppError backup_unusable naming what is wrong; not_found when there is no such backup */
export async function readManifest(place: Place, id: string): Promise<Manifest> {
  if (!backupId.safeParse(id).success) fail('not_found', `"${id}" is no id of a backup; \`studio backup list\` shows them.`);
  if ((await place.size(manifestPath(id))) === undefined)
    fail('not_found', `There is no backup ${id} at ${place.label}, or it was never finished. \`studio backup list\` shows what there is.`);
  return parseManifest(await readSmall(place, manifestPath(id), MAX_MANIFEST_BYTES), id);
}

/** @param id which one it has to be */
export function parseManifest(text: Buffer, id: string): Manifest {
  const damaged = (why: string): never => fail('backup_unusable', `The manifest of backup ${id} ${why}. Use another backup.`);
  const end = text.indexOf('\n');
  const line = text.subarray(0, end + 1);
  const seal = /^sha256:[0-9a-f]{64}\n(hmac-sha256:[0-9a-f]{64}\n)?$/.exec(text.subarray(end + 1).toString('latin1'));
  if (end < 0 || seal === null) return damaged('is cut off or none of Studio');
  if (!isSameSeal(seal[0].split('\n')[0] ?? '', sealOf(line, undefined).trim())) return damaged('was altered: its hash is not the one it was sealed with');
  const value = parseJson(line) ?? damaged('is no JSON');
  const format = typeof value === 'object' && value !== null && 'format' in value ? value.format : undefined;
  if (typeof format === 'number' && format > NEWEST_FORMAT)
    fail(
      'backup_unusable',
      `Backup ${id} has format ${format}; this Studio reads up to ${NEWEST_FORMAT}. Restore it with the Studio that made it, or a newer one.`,
    );
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) return damaged(`is none that Studio makes (${parsed.error.issues[0]?.path.join('.') ?? ''}: ${parsed.error.issues[0]?.message ?? ''})`);
  if (parsed.data.id !== id) return damaged(`is that of ${parsed.data.id}`);
  if ((parsed.data.encryption === null) !== (seal[1] === undefined)) return damaged('lacks the seal of its passphrase');
  if (parsed.data.encryption === null && parsed.data.keys !== null) return damaged('holds keys in clear, which Studio never writes');
  const names = partsOf(parsed.data).map((one) => one.name);
  if (new Set(names).size !== names.length || names.includes('manifest.json')) return damaged('names one part twice');
  return parsed.data;
}

/** That who made it knew the passphrase. @throws AppError backup_unusable */
export async function requireSealedBy(place: Place, manifest: Manifest, key: BackupKey): Promise<void> {
  const text = await readSmall(place, manifestPath(manifest.id), MAX_MANIFEST_BYTES);
  const line = text.subarray(0, text.indexOf('\n') + 1);
  if (!isSameSeal(text.subarray(line.length).toString('latin1'), sealOf(line, key)))
    fail('backup_unusable', `The manifest of backup ${manifest.id} was not sealed with this passphrase: somebody changed it. Use another backup.`);
}

function parseJson(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
}
