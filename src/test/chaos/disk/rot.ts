/** A disk that changes what it holds: one bit anywhere in the database or in a stored file. Nobody may be handed it as if it were what was stored, and who reads
 *  everything through must meet it. Works on an ordinary folder; each flip meets the same database as the one before. */
import { hash } from 'node:crypto';
import { cpSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { takeBaseBackup } from '../../../store/base-backup.ts';
import { isCorruption } from '../../../store/client.ts';
import { asObject, createApiClient, type ApiClient } from '../../api-client.ts';
import { embeddedDatabase, passwordOf } from '../../embedded-database.ts';
import { flipBit } from '../../flip-bit.ts';
import { claimStudio, createStudio, type Studio } from '../../studio-process.ts';
import { randomOf } from '../random.ts';
import type { DiskCampaign, DiskReport } from './campaign.ts';
import { killAll } from './stage.ts';
import { publishWork } from './work.ts';

const RUNS = 20;
const FILES = 30;
const START_MS = 12_000;
/** Every fourth flip is in a stored file, the others in the database. */
const FILE_EVERY = 4;

/** What was stored, by the address that hands it out. */
type Truth = ReadonlyMap<string, string>;

/** By whom flips were met first. */
const witnesses = ['start', 'readers', 'patrol'] as const;
type Witness = (typeof witnesses)[number];

interface Met {
  readonly by: Witness | undefined;
  /** What the page of a start that can't be said. */
  readonly said?: string;
  /** Addresses that were answered with something else than what was stored. */
  readonly wrong: readonly string[];
}

export async function changeBits({ part, times, onLine }: DiskCampaign): Promise<DiskReport> {
  const faults: string[] = [];
  const random = randomOf(times);
  const count: Record<Witness, number> = { start: 0, readers: 0, patrol: 0 };
  const studio = await createStudio();
  const database = join(studio.workspace, 'pg');
  const pristine = `${studio.workspace}-pristine`;
  try {
    await studio.start();
    const client = await claimStudio(studio);
    const { truth, bodies } = await store(client, random);
    await studio.stop();
    cpSync(database, pristine, { recursive: true, preserveTimestamps: true });
    for (let time = 1; time <= times; time++) {
      const isFile = time % FILE_EVERY === 0;
      const places = isFile ? contentsOf(studio.workspace, bodies) : pagesOf(database);
      const place = places[Math.floor(random() * places.length)] ?? '';
      const at = Math.floor(random() * statSync(place).size);
      flipBit(place, at, 1 << Math.floor(random() * 8));
      const { by, said, wrong } = await startAndRead(studio, client.token, truth, isFile ? bodies : undefined);
      const name = `${relative(studio.workspace, place)} at ${at}`;
      if (by === undefined) faults.push(`${part} ${time}: nobody met the flip in ${name}`);
      else count[by]++;
      for (const path of wrong) faults.push(`${part} ${time}: ${path} was answered with what nobody stored, after the flip in ${name}`);
      onLine(
        `${part} ${time} of ${times}: ${name}; ${by === undefined ? 'NOT MET' : `met by ${by}`}, ${wrong.length} wrong answers${said === undefined ? '' : `; ${said}`}`,
      );
      rmSync(database, { recursive: true, force: true });
      cpSync(pristine, database, { recursive: true, preserveTimestamps: true });
    }
  } finally {
    await studio.destroy();
    rmSync(pristine, { recursive: true, force: true });
  }
  return { part, times, faults, facts: Object.fromEntries(witnesses.map((name) => [`metBy${name[0]?.toUpperCase()}${name.slice(1)}`, count[name]])) };
}

/** Runs and files, and what each address answers of them. `bodies`: what the files hold. */
async function store(client: ApiClient, random: () => number): Promise<{ readonly truth: Truth; readonly bodies: ReadonlyMap<string, string> }> {
  const workflowId = await publishWork(client);
  const bodies = new Map<string, string>();
  const addresses: string[] = ['/api/v1/workflows?limit=50', `/api/v1/workflows/${workflowId}`];
  for (let n = 0; n < FILES; n++) {
    // Some are handed out in pieces.
    const text = `${n} ${random()} `.repeat(n % 6 === 0 ? 80_000 : 40 + n * 20);
    bodies.set(`/api/v1/files/rot/${n}.txt`, text);
    await client.expect(200, 'PUT', `/api/v1/files/rot/${n}.txt`, text, { 'content-type': 'text/plain' });
  }
  for (let n = 0; n < RUNS; n++) {
    // Serial: few, and ended when they are answered.
    const { id } = asObject((await client.call('POST', `/api/v1/workflows/${workflowId}/instances?wait=30`, { body: { input: { n } } })).body);
    addresses.push(`/api/v1/instances/${String(id)}`, `/api/v1/instances/${String(id)}/steps`);
  }
  const truth = new Map<string, string>();
  for (const path of [...addresses, ...bodies.keys()]) truth.set(path, lastingOf((await client.call('GET', path)).text));
  return { truth, bodies };
}

/** Starts on what the disk holds now, reads all that was stored, then every page. @param bodies stored again at the end: files that are to be healed */
async function startAndRead(studio: Studio, token: string | undefined, truth: Truth, bodies: ReadonlyMap<string, string> | undefined): Promise<Met> {
  const wrong: string[] = [];
  const ready = studio.start().then(
    () => true,
    () => false,
  );
  try {
    if (!(await Promise.race([ready, pause(START_MS, false)]))) {
      const said = await faultOfStart(studio);
      return { by: said === null ? undefined : 'start', said: said ?? 'nothing', wrong };
    }
    const client = createApiClient(studio.url, token);
    let isMet = false;
    for (const [path, text] of truth) {
      // Broken off is an answer, too: nobody takes it for the whole.
      const reply = await client.call('GET', path, { timeoutMs: 20_000 }).catch(() => undefined);
      if (reply === undefined || reply.status !== 200) isMet = true;
      else if (lastingOf(reply.text) !== text) wrong.push(path);
    }
    for (const [path, text] of bodies ?? []) await client.expect(200, 'PUT', path, text, { 'content-type': 'text/plain' });
    for (const [path, text] of bodies ?? []) if ((await client.call('GET', path)).text !== text) wrong.push(`${path}, stored again,`);
    if (isMet) return { by: 'readers', wrong };
    return { by: (await readsThrough(studio)) ? undefined : 'patrol', wrong };
  } finally {
    await killAll(studio).catch(() => undefined);
    await ready;
  }
}

/** Of an answer: all but the place in the stream of events, which goes on. */
function lastingOf(text: string): string {
  return text.replace(/"cursor":"[^"]*"/, '');
}

/** What the page of a start says that does not end; its exit's last words count. */
async function faultOfStart(studio: Studio): Promise<string | null> {
  const boot = await fetch(`${studio.url}/health/boot`, { signal: AbortSignal.timeout(5_000) }).then(
    (reply) => reply.json() as Promise<{ readonly fault: string | null }>,
    () => undefined,
  );
  return boot === undefined ? studio.log().slice(-500) || null : boot.fault;
}

/** As Studio's patrol does. */
async function readsThrough({ workspace }: Studio): Promise<boolean> {
  const connection = embeddedDatabase(join(workspace, 'pg'), passwordOf(workspace), 'postgres');
  try {
    const backup = await takeBaseBackup({ connection, label: 'rot', wal: 'none' });
    for await (const piece of backup.tar) void piece;
    await backup.facts;
    return true;
  } catch (error) {
    if (isCorruption(error)) return false;
    throw error;
  }
}

/** Of the files that are read afterwards. */
function contentsOf(workspace: string, bodies: ReadonlyMap<string, string>): string[] {
  const hashes = new Set([...bodies.values()].map((text) => hash('sha256', text)));
  return readdirSync(join(workspace, 'files'), { recursive: true, encoding: 'utf8' })
    .filter((name) => hashes.has(basename(name)))
    .map((name) => join(workspace, 'files', name));
}

/** Of tables and indexes of Studio's own database (the largest). Maps of free space are left out: PostgreSQL makes a damaged one anew. */
function pagesOf(database: string): string[] {
  const base = join(database, 'base');
  const filesOf = (folder: string): string[] =>
    readdirSync(join(base, folder))
      .filter((name) => /^\d+(\.\d+)?$/.test(name))
      .map((name) => join(base, folder, name))
      .filter((path) => statSync(path).size > 0);
  const [largest] = readdirSync(base)
    .map(filesOf)
    .toSorted((a, b) => b.length - a.length);
  return largest ?? [];
}
