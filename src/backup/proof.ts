/** The proof of a backup: restored into a throw-away PostgreSQL and folder, compared, its secrets tried with the key, and a Studio started on it that runs a
 *  workflow. What it learns is kept beside the backup. Never touches what runs, and the copy does nothing of its own: it is made quiet first. */
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import * as z from 'zod';
import { createCipher, type Cipher } from '../identity/cipher.ts';
import { fail, messageOf } from '../kernel/fail.ts';
import { quietLoaded } from '../store/backup-load.ts';
import type { StudioProgram } from '../supervise/own-program.ts';
import { checkBackup, type CheckOptions } from './check.ts';
import { opensCanary } from './create.ts';
import { readKeys } from './keys.ts';
import { requireSealedBy, type Manifest } from './manifest.ts';
import { openPart } from './part.ts';
import { readSmall, type Place } from './place.ts';
import { rebuildFiles } from './rebuild.ts';
import { rebuildServer } from './rebuild-server.ts';
import { makeScratchFolder } from './scratch-folder.ts';
import { keyFor, tryStudio } from './trial-run.ts';

export const proofSchema = z.strictObject({
  at: z.iso.datetime(),
  ok: z.boolean(),
  message: z.string(),
  ms: z.int(),
  tables: z.int(),
  rows: z.int(),
  files: z.int(),
  bytes: z.int(),
  /** Whether the key at hand, or the one in the backup, opens its secrets; null: none is at hand. */
  opensSecrets: z.boolean().nullable(),
  /** Of the Studio that proved it. */
  studioVersion: z.string(),
});
export type Proof = z.infer<typeof proofSchema>;

export interface ProofOptions extends CheckOptions {
  /** Where the copy is made; default: the system's temporary folder. */
  readonly scratchPath?: string | undefined;
  /** Of this workspace, for a backup without its own keys. */
  readonly cipher: Cipher;
  readonly studio: StudioProgram;
  readonly studioVersion: string;
  readonly nowMs: () => number;
}

/** Proves a backup and keeps the result with it. @returns also what failed: a backup that is no good is an answer  @throws only the signal's reason */
export async function proveBackup(options: ProofOptions): Promise<Proof> {
  const { place, manifest } = options;
  const startedAt = options.nowMs();
  const done = (found: Pick<Proof, 'ok' | 'message' | 'tables' | 'rows' | 'files' | 'bytes' | 'opensSecrets'>): Proof => ({
    at: new Date(options.nowMs()).toISOString(),
    ms: Math.round(options.nowMs() - startedAt),
    studioVersion: options.studioVersion,
    ...found,
  });
  let proof: Proof;
  try {
    proof = done({ ok: true, message: 'Restored, compared, and a workflow ran on it.', ...(await prove(options)) });
  } catch (error) {
    options.signal.throwIfAborted();
    proof = done({ ok: false, message: messageOf(error), tables: 0, rows: 0, files: 0, bytes: 0, opensSecrets: null });
  }
  await place.write(proofPath(manifest.id), Readable.from([Buffer.from(JSON.stringify(proof))]), options.signal);
  return proof;
}

async function prove(options: ProofOptions): Promise<Pick<Proof, 'tables' | 'rows' | 'files' | 'bytes' | 'opensSecrets'>> {
  const { place, manifest, key, progress, signal } = options;
  if (key !== undefined) await requireSealedBy(place, manifest, key);
  await checkBackup(options);
  const opensSecrets = await tryCanary(options);
  // The server runs as another account, which has to pass.
  const folder = await makeScratchFolder('proof', options.scratchPath);
  try {
    const files = await rebuildFiles({ ...options, root: folder });
    const made = await rebuildQuiet(options, folder);
    progress.enter('run');
    await tryStudio({ program: options.studio, folder, password: made.password, token: made.token, signal });
    return { ...files, ...made.counts, opensSecrets };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

async function rebuildQuiet(options: ProofOptions, folder: string) {
  const { server, counts } = await rebuildServer({ ...options, folder });
  try {
    await quietLoaded(server.roles.engine);
    return { counts, token: await keyFor(server.roles), password: server.password };
  } finally {
    await server.stop();
  }
}

/** With the keys in the backup where it has some, else with those of the workspace it was made in. */
async function tryCanary(options: ProofOptions): Promise<boolean | null> {
  const { manifest } = options;
  const own = manifest.keys === null ? undefined : readKeys(await readText(options, manifest.keys));
  const cipher = own === undefined ? options.cipher : createCipher(own.credentialEncryptionKey);
  if (opensCanary(cipher, manifest)) return true;
  if (own !== undefined || cipher.keyId === manifest.canary.keyId)
    fail('backup_unusable', `The key of backup ${manifest.id} does not open what it sealed: its secrets would be lost. Use another backup.`);
  return null;
}

/** A small part, unpacked. */
export async function readText(options: Omit<CheckOptions, 'progress'>, part: Manifest['config']): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of openPart({ ...options, part, maxBytes: MAX_TEXT_BYTES }) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const MAX_TEXT_BYTES = 4 * 1024 ** 2;

function proofPath(id: string): string {
  return `backups/${id}/proof.json`;
}

/** What the last proof found. @returns undefined: never proved, or what is kept of it can't be read */
export async function readProof(place: Place, id: string): Promise<Proof | undefined> {
  if ((await place.size(proofPath(id))) === undefined) return undefined;
  try {
    return proofSchema.safeParse(JSON.parse((await readSmall(place, proofPath(id), 64 * 1024)).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
