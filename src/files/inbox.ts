/** The drop folders: what is put into `<workspace>/inbox/<org>/` is taken into the org's files, under `inbox/`, once it has settled. Looks every second,
 *  since network volumes tell of no changes. Takes regular files only, follows no link, and removes what it took after its row is committed: a crash
 *  between takes the same bytes again, which changes nothing. A name that can't be a file's path stays where it is, with the reason. */
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { BigIntStats } from 'node:fs';
import { filePathFault } from '../contract/files.ts';
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/log.ts';
import type { Database } from '../store/client.ts';
import { asLeader, LEADER_LOCKS } from '../store/leader.ts';
import { listDropOrgs, noteDropFault } from '../store/trigger-fires.ts';
import { MAX_PUT_BYTES, type Files } from './files.ts';

export interface Inbox {
  start(): void;
  stop(): Promise<void>;
}

export interface InboxParts {
  readonly database: Database;
  readonly files: Pick<Files, 'content' | 'putStaged'>;
  readonly workspacePath: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const LOOK_EVERY_MS = 1_000;
const SETTLE_MS = 2_000;
/** Bounds of one look at one org's folder: what lies deeper or beyond waits for its turn or is told. */
const MAX_DEPTH = 8;
const MAX_ENTRIES = 10_000;
const MAX_REFUSALS = 1_000;
const FOLDER = 'inbox';
/** Unfinished by the habit of browsers, rsync and editors. */
const UNFINISHED = /^\.|~$|\.(part|partial|tmp|crdownload|filepart)$/i;

/** What was seen of a file, and since when it is so (monotonic). */
interface Seen {
  readonly mark: string;
  readonly since: number;
}

interface Dropped {
  /** Below the org's folder, as bytes of the disk. */
  readonly name: string;
  readonly absolute: string;
  readonly stats: BigIntStats;
}

export function createInbox(parts: InboxParts): Inbox {
  const { database, clock, log } = parts;
  const root = join(parts.workspacePath, FOLDER);
  let seen = new Map<string, Seen>();
  const refused = new Map<string, string>();
  let cancelTimer = (): void => {};
  let isRunning = false;
  let looking = Promise.resolve();
  const stopping = new AbortController();

  /** @returns the reason as the owners of the org's triggers read it */
  const refuse = (orgId: string, name: string, reason: string): string => {
    const at = `${orgId}/${name}`;
    if (refused.get(at) !== reason) {
      if (refused.size >= MAX_REFUSALS) refused.clear();
      refused.set(at, reason);
      log.warn({ orgId, file: name }, `a dropped file was not taken: ${reason}`);
    }
    return `${FOLDER}/${JSON.stringify(name).slice(1, -1).slice(0, 200)}: ${reason}`;
  };

  const takeSettled = async (org: { readonly orgId: string; readonly settleMs: number | null }, next: Map<string, Seen>): Promise<void> => {
    const folder = join(root, org.orgId);
    const { found, faults } = await walk(folder);
    const reasons = faults.map((fault) => refuse(org.orgId, fault.name, fault.reason));
    for (const file of found) {
      if (!isRunning) return;
      const mark = markOf(file.stats);
      const before = seen.get(file.absolute);
      const since = before?.mark === mark ? before.since : clock.monotonic();
      next.set(file.absolute, { mark, since });
      if (before === undefined || clock.monotonic() - since < (org.settleMs ?? SETTLE_MS)) continue;
      const path = `${FOLDER}/${file.name.normalize('NFC')}`;
      const fault = filePathFault(path) ?? (await take(parts, { orgId: org.orgId, path, file, mark, signal: stopping.signal }).catch(messageOf));
      if (fault !== undefined) reasons.push(refuse(org.orgId, file.name, fault));
    }
    // As long as it lies there, the triggers say so.
    if (reasons[0] !== undefined) await noteDropFault(database.engine, { orgId: org.orgId, message: reasons[0] });
  };

  const look = async (): Promise<void> => {
    const next = new Map<string, Seen>();
    const present = new Set(await readdir(root).catch(() => []));
    for (const org of await listDropOrgs(database.engine)) {
      // A folder is there for whoever has a trigger; others make theirs.
      if (present.has(org.orgId)) await takeSettled(org, next);
      else if (org.settleMs !== null) await mkdir(join(root, org.orgId), { recursive: true, mode: 0o770 });
    }
    seen = next;
  };

  const loop = async (): Promise<void> => {
    try {
      await asLeader(database.engine, LEADER_LOCKS.inbox, look);
    } catch (error) {
      log.warn({ cause: messageOf(error) }, 'the drop folders could not be looked at; tried again in a second');
    }
    if (!isRunning) return;
    cancelTimer = clock.after(LOOK_EVERY_MS, () => {
      looking = loop();
    });
  };

  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      looking = loop();
    },
    async stop() {
      isRunning = false;
      stopping.abort(new Error('Studio is stopping'));
      cancelTimer();
      await looking;
    },
  };
}

/** The files of a folder and of those in it, and what lies there and is none. */
async function walk(folder: string): Promise<{ readonly found: Dropped[]; readonly faults: { readonly name: string; readonly reason: string }[] }> {
  const found: Dropped[] = [];
  const faults: { name: string; reason: string }[] = [];
  const waiting: { readonly path: string; readonly prefix: string; readonly depth: number }[] = [{ path: folder, prefix: '', depth: 0 }];
  let entries = 0;
  for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) {
    // Bytes: a name that is no UTF-8 could not be told from another once it was text.
    const names = await readdir(place.path, { encoding: 'buffer' }).catch(() => []);
    for (const bytes of names) {
      if (++entries > MAX_ENTRIES) return { found, faults };
      const text = bytes.toString('utf8');
      const name = `${place.prefix}${text}`;
      if (UNFINISHED.test(text)) continue;
      if (!Buffer.from(text).equals(bytes)) {
        faults.push({ name, reason: 'its name is no UTF-8' });
        continue;
      }
      const absolute = join(place.path, text);
      const stats = await lstat(absolute, { bigint: true }).catch(() => undefined);
      if (stats === undefined) continue;
      if (stats.isFile()) found.push({ name, absolute, stats });
      else if (!stats.isDirectory()) faults.push({ name, reason: 'it is a link or a device, not a file' });
      else if (place.depth >= MAX_DEPTH) faults.push({ name, reason: `folders are looked at ${MAX_DEPTH} deep` });
      else waiting.push({ path: absolute, prefix: `${name}/`, depth: place.depth + 1 });
    }
  }
  return { found, faults };
}

/** Same file, same bytes, as far as the disk tells. */
function markOf(stats: BigIntStats): string {
  return `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
}

interface Take {
  readonly orgId: string;
  readonly path: string;
  readonly file: Dropped;
  readonly mark: string;
  readonly signal: AbortSignal;
}

/** Nothing happens to a file that changes meanwhile: it settles anew. */
async function take({ files, clock }: InboxParts, { orgId, path, file, mark, signal }: Take): Promise<undefined> {
  const handle = await open(file.absolute, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (!(await isStill(handle, mark))) return undefined;
    const source = handle.createReadStream({ autoClose: false, start: 0 }) as AsyncIterable<Buffer>;
    const staged = await files.content.stage(source, { maxBytes: MAX_PUT_BYTES, signal });
    if (!(await isStill(handle, mark))) {
      // What was staged may be torn.
      await files.content.discard(staged);
      return undefined;
    }
    await files.putStaged({ orgId, path, staged, requestId: newId('req', clock) });
  } finally {
    await handle.close();
  }
  // Another may stand in its place by now: that one is taken in its turn.
  const now = await lstat(file.absolute, { bigint: true }).catch(() => undefined);
  if (now !== undefined && markOf(now) === mark) await unlink(file.absolute);
  return undefined;
}

async function isStill(handle: FileHandle, mark: string): Promise<boolean> {
  const stats = await handle.stat({ bigint: true });
  return stats.isFile() && markOf(stats) === mark;
}
