/** Makes a backup: the database of one moment, then the files that this moment knows, then the manifest. Work goes on meanwhile.
 *  Never two at once (the caller holds the lock), and none that was not finished can be taken for one: the manifest comes last. */
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClientConfig } from 'pg';
import type { Cipher } from '../identity/cipher.ts';
import type { Clock } from '../kernel/clock.ts';
import { readCluster } from './create-physical.ts';
import { readTables } from './create-logical.ts';
import type { BackupKey } from './crypt.ts';
import { manifestPath, partPath, sealManifest, type LogicalManifest, type Manifest, type Part, type PhysicalManifest } from './manifest.ts';
import { labelOf, writePart } from './part.ts';
import type { Place } from './place.ts';
import type { Progress } from '../kernel/progress.ts';
import { storeFiles, type FileSource } from './store-files.ts';

export interface CreateOptions {
  readonly id: string;
  readonly kind: Manifest['kind'];
  readonly place: Place;
  readonly key: BackupKey | undefined;
  /** Connection of studio_engine. */
  readonly engine: ClientConfig;
  /** Of the role that may replicate; undefined: the database is elsewhere, and only a logical backup can be made. */
  readonly replication: ClientConfig | undefined;
  readonly workspacePath: string;
  readonly workspaceId: string;
  readonly studioVersion: string;
  /** Of the workspace: seals the canary. */
  readonly cipher: Cipher;
  /** Settings in clear without secrets, and what only a passphrase may carry. */
  readonly config: { readonly settings: string; readonly keys: string };
  readonly createdBy: string;
  readonly reason: Manifest['reason'];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** The database as it was put at the place, and what has to follow it. */
export interface DatabaseRead {
  readonly facts: {
    readonly schemaVersion: number;
    readonly schemaName: string;
    /** `18.4`. */
    readonly postgresVersion: string;
    readonly databaseBytes: number;
  };
  /** Bytes that it knows. */
  readonly content: readonly FileSource[];
  readonly own:
    | Pick<LogicalManifest, 'format' | 'kind' | 'tables' | 'periods' | 'sequences'>
    | Pick<PhysicalManifest, 'format' | 'kind' | 'tables' | 'cluster'>;
}

/** What never is in a backup. */
const LEFT_OUT = [
  { what: 'models', why: 'files of models are large and can be downloaded again' },
  { what: 'uploads', why: 'uploads that have not ended begin anew' },
  { what: 'jobs', why: 'folders that jobs work in; their logs and what they left as artifacts are in it' },
] as const;

export async function createBackup(options: CreateOptions): Promise<Manifest> {
  const { id, place, key, clock, progress } = options;
  const createdAt = new Date(clock.now()).toISOString();
  progress.enter('database');
  const read = await (options.kind === 'logical' ? readTables(options) : readCluster(options));
  progress.enter(
    'files',
    read.content.reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const stored = await storeFiles({ ...options, content: read.content });
  progress.enter('finish');
  const config = await putText(options, 'config.json', options.config.settings);
  const keys = key === undefined ? null : await putText(options, 'keys.json', options.config.keys);
  const manifest: Manifest = {
    id,
    createdAt,
    endedAt: new Date(clock.now()).toISOString(),
    createdBy: options.createdBy,
    reason: options.reason,
    workspaceId: options.workspaceId,
    studio: { version: options.studioVersion, schemaVersion: read.facts.schemaVersion, schemaName: read.facts.schemaName },
    postgres: { version: read.facts.postgresVersion, databaseBytes: read.facts.databaseBytes },
    encryption: key?.facts ?? null,
    canary: canaryOf(options.cipher, id),
    leftOut: [
      ...LEFT_OUT,
      ...(key === undefined ? [{ what: 'keys', why: 'no passphrase was given: stored secrets open only where the key of this workspace (.env) is' }] : []),
      ...stored.lost.slice(0, 20).map((what) => ({ what: what.slice(0, 100), why: 'its bytes are gone or damaged in the workspace' })),
    ],
    files: stored.files,
    config,
    keys,
    ...read.own,
  };
  await place.write(manifestPath(id), Readable.from([sealManifest(manifest, key)]), options.signal);
  return manifest;
}

async function putText(options: CreateOptions, name: string, text: string): Promise<Part> {
  const stored = `${name}.zst`;
  const written = await writePart({
    ...options,
    path: partPath(options.id, stored),
    label: labelOf(options.id, stored),
    source: Readable.from([Buffer.from(text)]),
  });
  return { name: stored, ...written.stored };
}

function canaryOf(cipher: Cipher, id: string): Manifest['canary'] {
  const value = randomBytes(32);
  return { keyId: cipher.keyId, sealed: cipher.seal(value, ['backup', id]).toString('base64'), sha256: createHash('sha256').update(value).digest('hex') };
}

/** Whether this key opens what the backup's secrets were sealed with. */
export function opensCanary(cipher: Cipher, manifest: Manifest): boolean {
  try {
    const value = cipher.open(Buffer.from(manifest.canary.sealed, 'base64'), ['backup', manifest.id]);
    return createHash('sha256').update(value).digest('hex') === manifest.canary.sha256;
  } catch {
    return false;
  }
}
