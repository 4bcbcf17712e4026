/** What is done to backups, each by one function, without deciding when: making one, proving one, thinning them out, and the keys for it. The caller holds the lock. */
import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import type { BackupSettings } from '../contract/backups.ts';
import { readEnvText } from '../config/env-file.ts';
import type { Cipher } from '../identity/cipher.ts';
import { fail } from '../kernel/fail.ts';
import type { BackupsParts } from './backups.ts';
import { removeLooseContent, type Catalogue } from './catalogue.ts';
import { createBackup } from './create.ts';
import { keyOf, newKey, type BackupKey } from './crypt.ts';
import { keysText } from './keys.ts';
import { partPath, readManifest, type Manifest } from './manifest.ts';
import { readSmall, type Place } from './place.ts';
import type { Progress } from '../kernel/progress.ts';
import { proveBackup, type Proof } from './proof.ts';
import { thinOut } from './retention.ts';

interface Follow {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface Work {
  /** As it may stand in a path. */
  readonly workspaceId: string;
  /** Undefined: no passphrase is given or set. The same passphrase gives the same key as before, so that content is shared. @throws AppError invalid_body */
  keyForNew(passphrase: string | undefined): Promise<BackupKey | undefined>;
  /** @throws AppError invalid_body when it needs a passphrase, or another one */
  keyFor(manifest: Manifest, passphrase: string | undefined): Promise<BackupKey | undefined>;
  readManifest(id: string): Promise<Manifest>;
  create(
    request: Follow & {
      readonly id: string;
      readonly kind: Manifest['kind'];
      readonly key: BackupKey | undefined;
      readonly reason: Manifest['reason'];
      readonly createdBy: string;
    },
  ): Promise<Manifest>;
  prove(request: Follow & { readonly manifest: Manifest; readonly key: BackupKey | undefined }): Promise<Proof>;
  prune(request: {
    readonly settings: BackupSettings;
    readonly dryRun: boolean;
    readonly signal: AbortSignal;
  }): Promise<{ removed: string[]; kept: number; freedBytes: number }>;
  /** Removes what was written of a backup that came to nothing. */
  discard(id: string): Promise<void>;
}

export function createWork(parts: BackupsParts & { readonly catalogue: Catalogue; readonly cipher: Cipher }): Work {
  const { place, catalogue, config } = parts;
  const workspaceId = asSegment(config.workspaceId);
  const work: Work = {
    workspaceId,
    async keyForNew(given) {
      const passphrase = given ?? config.backupPassphrase;
      if (passphrase === undefined) return undefined;
      const facts = (await catalogue.list()).find(({ manifest }) => manifest?.encryption != null && manifest.workspaceId === workspaceId)?.manifest?.encryption;
      // Another passphrase than before: a new key, whose content stands apart.
      const known = facts == null ? undefined : await keyOf(passphrase, facts).catch(() => undefined);
      return known ?? newKey(passphrase);
    },
    async keyFor(manifest, given) {
      if (manifest.encryption === null) return undefined;
      const passphrase = given ?? config.backupPassphrase;
      if (passphrase === undefined)
        fail('invalid_body', { message: `Backup ${manifest.id} is sealed: give its passphrase, or set BACKUP_PASSPHRASE.`, details: { path: 'passphrase' } });
      return keyOf(passphrase, manifest.encryption);
    },
    readManifest: (id) => readManifest(place, id),
    async create({ id, kind, key, reason, createdBy, progress, signal }) {
      await place.write(partPath(id, BEGUN), Readable.from([Buffer.from(JSON.stringify({ workspaceId }))]), signal);
      return createBackup({
        ...{ id, kind, place, key, reason, createdBy, progress, signal, workspaceId },
        engine: parts.engine,
        replication: parts.replication,
        workspacePath: config.workspacePath,
        studioVersion: parts.studioVersion,
        cipher: parts.cipher,
        clock: parts.clock,
        config: { settings: parts.settingsText, keys: keysText(config, readEnvText(config.workspacePath)) },
      });
    },
    prove: ({ manifest, key, progress, signal }) =>
      proveBackup({
        ...{ place, manifest, key, progress, signal },
        cipher: parts.cipher,
        studio: parts.studio,
        studioVersion: parts.studioVersion,
        nowMs: () => parts.clock.now(),
      }),
    async prune({ settings, dryRun, signal }) {
      const listed = await catalogue.list();
      const own = listed.flatMap(({ id, manifest, proof }) =>
        manifest?.workspaceId === workspaceId
          ? [{ id, kind: manifest.kind, manifest, createdAtMs: Date.parse(manifest.createdAt), isProven: proof?.ok === true }]
          : [],
      );
      const removed = thinOut(own, settings.keep);
      const manifests = own.filter(({ id }) => !removed.includes(id)).map(({ manifest }) => manifest);
      const result = { removed, kept: listed.length - removed.length };
      if (dryRun) return { ...result, freedBytes: 0 };
      let freedBytes = 0;
      for (const id of removed) freedBytes += await catalogue.remove(id); // Serial: each is whole or gone.
      // What is sealed can be told apart only with its key: without the passphrase that content stays.
      for (const key of await keysOf(manifests, config.backupPassphrase))
        freedBytes += await removeLooseContent({ place, workspaceId, key, manifests, signal });
      return { ...result, freedBytes };
    },
    async discard(id) {
      await catalogue.remove(id);
    },
  };
  return work;
}

async function keysOf(manifests: readonly Manifest[], passphrase: string | undefined): Promise<(BackupKey | undefined)[]> {
  const facts = manifests.find(({ encryption }) => encryption !== null)?.encryption;
  const key = facts == null || passphrase === undefined ? undefined : await keyOf(passphrase, facts).catch(() => undefined);
  return key === undefined ? [undefined] : [undefined, key];
}

/** Written first: whose a backup is that was never finished. */
const BEGUN = 'begun.json';

/** Whether an unfinished backup was begun by this workspace. */
export async function begunHere(place: Place, id: string, workspaceId: string): Promise<boolean> {
  if ((await place.size(partPath(id, BEGUN))) === undefined) return false;
  return (await readSmall(place, partPath(id, BEGUN), 4_096)).toString('utf8') === JSON.stringify({ workspaceId });
}

function asSegment(id: string): string {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 16);
}
