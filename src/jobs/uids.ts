/** As root, every running job gets a uid of its own: a wall between jobs, and the one mark that no process of a job can take off (a daemon that clears its
 *  environment and leaves its group still has it). The kernel itself keeps two Studios of one machine apart: a uid in use is an abstract socket that is
 *  bound, and one that processes still run under is left alone. Never used when Studio is an ordinary user. */
import { createServer, type Server } from 'node:net';
import { systemClock } from '../kernel/clock.ts';
import { listProcesses } from '../kernel/process-identity.ts';
import { uidOf } from './job-processes.ts';

// Below 60000: what useradd gives out last; above what a machine with people has. No account needs to exist.
const FIRST = 59_000;
const COUNT = 256;
/** Another Studio that looks for a free one holds it for a moment. */
const RETAKE_MS = 2_000;

export interface Uids {
  /** A uid that nothing runs under. @throws Error when all are taken */
  take(): Promise<number>;
  /** Takes the uid of a job found running. @returns false when someone else has it: then nothing may be ended by that uid */
  retake(uid: number): Promise<boolean>;
  release(uid: number): void;
  /** Of a job whose processes are proved gone: it is kept for the next job, which then need not look through all processes of the machine. */
  keep(uid: number): void;
  /** Of this process only; jobs that go on keep running under theirs, which keeps others off. */
  releaseAll(): void;
}

export function createUids(): Uids {
  const held = new Map<number, Server>();
  /** Held, and nothing runs under them: only this Studio could have begun something since that was proved. */
  const empty = new Set<number>();
  const bind = async (uid: number): Promise<boolean> => {
    if (held.has(uid)) return false;
    const server = await listen(`\0studio-job-uid-${uid}`);
    if (server === undefined) return false;
    held.set(uid, server);
    return true;
  };
  const release = (uid: number): void => {
    held.get(uid)?.close();
    held.delete(uid);
    empty.delete(uid);
  };
  return {
    release,
    keep: (uid) => void (held.has(uid) && empty.add(uid)),
    releaseAll: () => [...held.keys()].forEach(release),
    async take() {
      const [kept] = empty;
      if (kept !== undefined) {
        empty.delete(kept);
        return kept;
      }
      // Looked at before it is bound, too: who comes back for a uid that its jobs still run under must not find it taken, even for a moment.
      let busy = usedUids();
      for (let uid = FIRST; uid < FIRST + COUNT; uid++) {
        // Serial: the first free one is wanted.
        if (busy.has(uid) || !(await bind(uid))) continue;
        // And again once it is ours: another Studio may have started a job under it and died since.
        busy = usedUids();
        if (!busy.has(uid)) return uid;
        release(uid);
      }
      throw new Error(`all ${COUNT} uids for jobs (from ${FIRST}) are in use on this machine`);
    },
    async retake(uid) {
      const deadline = systemClock.monotonic() + RETAKE_MS;
      while (!(await bind(uid))) {
        if (systemClock.monotonic() > deadline) return false;
        await systemClock.sleep(20);
      }
      return true;
    },
  };
}

function usedUids(): ReadonlySet<number | undefined> {
  return new Set(listProcesses().map((facts) => uidOf(facts.pid)));
}

function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen({ path }, () => resolve(server.unref()));
  });
}
