/** Shims that wait for a job: one is always ready, in a session of its own, before there is a job for it. The nursery that makes them is a shell; it and the
 *  shim that waits end with Studio (their pipes close), the shims that were given a job do not.
 *  One thing to know: only one shim at a time reads orders, and an order begins with its number. One that vanished in between may have left half an order
 *  behind: then all of it is begun anew. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../kernel/clock.ts';
import { deferred } from '../kernel/deferred.ts';
import { identify, isAlive, type ProcessIdentity } from '../kernel/process-identity.ts';
import { JOB_PATH } from './job-env.ts';
import { hasBegun } from './job-folder.ts';
import { NURSERY, orderText, SHIM, type ShimOrder } from './shim.ts';

export interface WaitingShim {
  readonly identity: ProcessIdentity;
  /** Tells it what to do, once. @throws Error when it did not take the order: then it did nothing and is gone */
  give(order: ShimOrder): Promise<JobProcess>;
  /** There is nothing to do after all. */
  putBack(): void;
}

export interface JobProcess {
  readonly shim: ProcessIdentity;
  /** Resolves when the shim is gone. */
  readonly gone: Promise<void>;
}

export interface Nursery {
  /** One at a time: the next one is made when this one was given its order or put back. */
  take(): Promise<WaitingShim>;
  close(): void;
}

/** A shim says itself when it goes; this finds those that could not. */
const LOOK_MS = 100;
/** From its last word to its end. */
const LAST_LOOK_MS = 1;
/** A machine that can not start a shell in this time will not start a job either. */
const READY_LIMIT_MS = 30_000;

export function createNursery(clock: Clock): Nursery {
  let bed: Bed | undefined;
  /** Who takes holds it until the order was taken. */
  let turn: Promise<unknown> = Promise.resolve();
  /** What waited may have been ended from outside: then another is made, once. */
  async function readyOne(): Promise<{ readonly current: Bed; readonly identity: ProcessIdentity }> {
    for (let tries = 1; ; tries++) {
      const current = bed?.isOpen() === true ? bed : (bed = openBed(clock));
      try {
        return { current, identity: await current.ready() };
      } catch (error) {
        if (tries === 2) throw error;
      }
    }
  }

  return {
    take() {
      const over = deferred<void>();
      const taken = turn.then(async (): Promise<WaitingShim> => {
        const { current, identity } = await readyOne();
        return {
          identity,
          async give(order) {
            try {
              return await current.give(identity, order);
            } finally {
              over.resolve();
            }
          },
          putBack: over.resolve,
        };
      });
      turn = taken.then(
        () => over.promise,
        () => undefined,
      );
      return taken;
    },
    close() {
      bed?.close();
    },
  };
}

interface Bed {
  isOpen(): boolean;
  /** The shim that waits. @throws Error when none can be made */
  ready(): Promise<ProcessIdentity>;
  give(shim: ProcessIdentity, order: ShimOrder): Promise<JobProcess>;
  close(): void;
}

/** A running nursery with its pipes. */
function openBed(clock: Clock): Bed {
  const child = spawn('/bin/sh', ['-c', NURSERY, 'studio-jobs', SHIM], {
    cwd: '/',
    env: { PATH: JOB_PATH },
    detached: true, // A session of its own: no terminal's signal reaches it.
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const [, , , news, words, orders] = child.stdio as unknown as readonly [null, null, null, Readable, Writable, Writable];
  const heard = new Map<string, () => void>();
  let isOpen = true;
  let waiting = deferred<ProcessIdentity>();

  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    for (const stream of [news, words, orders]) stream.destroy();
    waiting.reject(new Error('the shell that starts jobs (/bin/sh with setsid) is gone'));
  };
  const make = (): void => {
    waiting = deferred<ProcessIdentity>();
    // Nobody may be asking yet.
    waiting.promise.catch(() => undefined);
    words.write('next\n');
  };
  const hear = (line: string): void => {
    const [, word, number] = /^(ready|taken|gone) (\d{1,10})$/.exec(line) ?? [];
    if (word === 'ready') {
      const identity = identify(Number(number));
      if (identity === undefined) close();
      else waiting.resolve(identity);
    }
    if (word === 'gone') words.write('gone\n');
    heard.get(`${word} ${number}`)?.();
  };
  letGo(child, [news, words, orders], close);
  listen(news, hear);
  make();
  return {
    isOpen: () => isOpen,
    async ready() {
      const disarm = clock.after(READY_LIMIT_MS, close);
      try {
        const identity = await waiting.promise;
        if (isAlive(identity)) return identity;
        close();
        throw new Error('the process that waited for a job was ended from outside');
      } finally {
        disarm();
      }
    },
    async give(shim, order) {
      const last = new Promise<void>((resolve) => heard.set(`gone ${shim.pid}`, resolve));
      const gone = goneOf(shim, last, clock).finally(() => heard.delete(`gone ${shim.pid}`));
      const taken = new Promise<true>((resolve) => heard.set(`taken ${shim.pid}`, () => resolve(true)));
      orders.write(orderText(shim.pid, order));
      // A short job may be over before its news are read: then what it left tells.
      const isTaken = await Promise.race([taken, gone.then(() => hasBegun(order.folder))]);
      heard.delete(`taken ${shim.pid}`);
      if (isTaken) {
        make();
        return { shim, gone };
      }
      close();
      throw new Error('the process for the job ended before it began');
    },
    close,
  };
}

/** None of it holds Studio's event loop open, and the end of any of it ends the rest. */
function letGo(child: ChildProcess, streams: readonly (Readable | Writable)[], close: () => void): void {
  child.once('error', close);
  child.once('exit', close);
  child.unref();
  for (const stream of streams) {
    stream.on('error', close);
    if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
  }
}

function listen(news: Readable, hear: (line: string) => void): void {
  let rest = '';
  news.setEncoding('latin1').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(hear);
  });
}

/** Resolves when the process is gone. @param last its last word, when it can say one */
async function goneOf(shim: ProcessIdentity, last: Promise<void>, clock: Clock): Promise<void> {
  let pauseMs = LOOK_MS;
  while (isAlive(shim)) {
    const look = new AbortController();
    const said = pauseMs === LOOK_MS ? last.then(() => void (pauseMs = LAST_LOOK_MS)) : new Promise<never>(() => undefined);
    await Promise.race([clock.sleep(pauseMs, look.signal), said]);
    look.abort();
  }
}

/** Waits for a shim that an earlier Studio began. */
export function watchShim(shim: ProcessIdentity, clock: Clock): JobProcess {
  return { shim, gone: goneOf(shim, new Promise(() => undefined), clock) };
}
