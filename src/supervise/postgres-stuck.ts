/** Ends a PostgreSQL that can't come back by itself: after a crash whose recovery failed too (a disk that fails), its postmaster may stay for ever, with neither a
 *  process that recovers nor one that serves, and answer "the database system is in recovery mode". Only its end, and a new start, helps; the same when its socket
 *  was removed under it (a cleaner of temporary files): those who are connected go on, and nobody else comes in.
 *  Never touches one that recovers, however long that takes, nor one whose processes wait for the disk: nothing could end them. */
import { readFileSync } from 'node:fs';
import type { Child } from '../kernel/child.ts';
import type { Clock } from '../kernel/clock.ts';

/** A process of a server: what it is, and whether it waits for a device. */
export interface Member {
  readonly title: string;
  readonly isBlocked: boolean;
}

const LOOK_MS = 1_000;
/** PostgreSQL itself gives its processes five seconds to end after a crash. */
const STUCK_MS = 10_000;
const GRACE_MS = 5_000;

/** Whether nothing of it serves or recovers, and nothing is on its way. Pure. */
export function isStuck(members: readonly Member[]): boolean {
  if (members.some(({ isBlocked }) => isBlocked)) return false;
  return !members.some(({ title }) => /\b(startup|walwriter|walreceiver)\b/.test(title));
}

/** Looks every second until the server has ended, or the returned function was called: one that is asked to end takes its time.
 *  @param membersOf for tests */
export function endWhenStuck(
  child: Pick<Child, 'pid' | 'exited' | 'signal' | 'hasExited'>,
  {
    clock,
    say,
    isReachable = () => true,
    membersOf = readMembers,
  }: {
    /** Whether its socket is there. */
    readonly isReachable?: () => boolean;
    readonly clock: Clock;
    readonly say: (line: string) => void;
    readonly membersOf?: (pid: number) => readonly Member[];
  },
): () => void {
  let stuckSince: number | undefined;
  let isOver = false;
  let cancel = (): void => undefined;
  const look = (): void => {
    if (isOver || child.hasExited()) return;
    const now = clock.monotonic();
    const isCutOff = !isReachable();
    stuckSince = isCutOff || isStuck(membersOf(child.pid)) ? (stuckSince ?? now) : undefined;
    if (stuckSince === undefined || now - stuckSince < STUCK_MS) {
      cancel = clock.after(LOOK_MS, look);
      return;
    }
    say(
      isCutOff
        ? 'PostgreSQL can not be reached: its socket was removed, and it is ended so that it can start again'
        : 'PostgreSQL neither serves nor recovers: its recovery failed, and it is ended so that it can start again',
    );
    child.signal('SIGQUIT');
    cancel = clock.after(GRACE_MS, () => child.signal('SIGKILL'));
  };
  cancel = clock.after(LOOK_MS, look);
  const stop = (): void => {
    isOver = true;
    cancel();
  };
  void child.exited.then(stop);
  return stop;
}

function readMembers(pid: number): readonly Member[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
    return children.flatMap((one) => {
      const title = readText(`/proc/${one}/cmdline`);
      const state = readText(`/proc/${one}/stat`).split(') ').at(-1)?.[0] ?? '';
      // One that has ended and is not reaped yet: the postmaster is about to.
      return [{ title, isBlocked: state === 'D' }];
    });
  } catch {
    // Kernels without this list: nothing is known, so nothing is done.
    return [{ title: 'walwriter', isBlocked: false }];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
