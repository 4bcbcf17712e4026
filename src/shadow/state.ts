/** The shadow's one small file: which database this is, which directory may write it, and how its generations follow each other.
 *  The writer's id is a fencing token: a directory that bears another one is an older copy, however new its files look. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hostname } from 'node:os';
import * as z from 'zod';
import { messageOf } from '../kernel/fail.ts';
import { Refusal } from '../supervise/refusal.ts';
import { replaceFile } from './layout.ts';

const generationSchema = z.strictObject({
  number: z.int().min(1),
  timeline: z.int().min(1),
  /** The generation that it was restored from; null for the first. One that was restored from never, or damaged before its end, is no ancestor. */
  parent: z.int().nullable(),
  /** Where it left its parent; null for the first. */
  forkLsn: z.string().nullable(),
  /** PostgreSQL's own file of how the timelines followed each other; empty for timeline 1. */
  history: z.string(),
  startedAt: z.string(),
});
export type Generation = z.infer<typeof generationSchema>;

const stateSchema = z.strictObject({
  format: z.literal(1),
  /** Of the cluster. */
  systemId: z.string(),
  writer: z.strictObject({ id: z.string(), host: z.string(), since: z.string() }),
  /** Whether a base backup was ever proven: before that nothing can be restored, and what stands elsewhere counts. */
  isComplete: z.boolean(),
  generations: z.array(generationSchema).min(1),
});
export type ShadowState = z.infer<typeof stateSchema>;

/** In the database's directory: whose copy it is. */
const markerSchema = z.strictObject({
  id: z.string(),
  /** The id it took over from, as long as the state may not say so yet. */
  follows: z.string().nullable(),
});
export type Marker = z.infer<typeof markerSchema>;

const MARKER = 'studio-shadow.json';

export function newMarker(follows: string | null): Marker {
  return { id: randomUUID(), follows };
}

/** @returns undefined when there is none  @throws Refusal when it can't be understood: guessing could overwrite the newer copy */
export async function readState(shadow: string): Promise<ShadowState | undefined> {
  const path = join(shadow, 'state.json');
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Refusal(
      'data_directory',
      `${path} can't be understood (${messageOf(cause).slice(0, 200)}): it says which copy of the database is the newest. Restore a backup, or move ${shadow} away to begin without it; nothing was changed.`,
      { cause },
    );
  }
}

export async function writeState(shadow: string, state: ShadowState): Promise<void> {
  await mkdir(shadow, { recursive: true });
  await replaceFile(join(shadow, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
}

export function writerOf(id: string, now: number): ShadowState['writer'] {
  return { id, host: hostname(), since: new Date(now).toISOString() };
}

/** @returns undefined when it has none, or one that can't be read: then it is nobody's copy */
export async function readMarker(dataDir: string): Promise<Marker | undefined> {
  const text = await readIfThere(join(dataDir, MARKER));
  if (text === undefined) return undefined;
  try {
    return markerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export async function writeMarker(dataDir: string, marker: Marker): Promise<void> {
  // Whole or not there: a torn one is nobody's, and its directory is then set aside, never used.
  // PostgreSQL's account has to read it: it is in every base backup.
  await replaceFile(join(dataDir, MARKER), JSON.stringify(marker), await stat(dataDir));
}

/** Of a directory whose server is down; as text, for it exceeds what a number holds. Undefined when there is no control file. */
export async function readSystemId(dataDir: string): Promise<string | undefined> {
  const bytes = await readFile(join(dataDir, 'global/pg_control')).catch(() => undefined);
  return bytes === undefined || bytes.length < 8 ? undefined : bytes.readBigUInt64LE(0).toString();
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw error;
  }
}
