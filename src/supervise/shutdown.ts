/** The stop: steps in reverse of the start, within one time limit, once. The second signal, or the limit, ends what is left by force.
 *  Never decides what a step does. */
import type { Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';

export interface Shutdown {
  /** Aborts when the stop begins. */
  readonly signal: AbortSignal;
  /** Adds a step; steps run last added first. */
  add(name: string, step: () => Promise<void> | void): void;
  /** Adds a step that runs before all others: to stop taking new work. */
  addFirst(step: () => Promise<void> | void): void;
  /** Told at once when the stop begins. */
  onBegin(listener: () => void): void;
  /** What to do when time is over or a second signal comes: kill children, synchronously. */
  setForce(force: () => void): void;
  /** Ends everything by force, now: for when going on would do harm. */
  abandon(code: number): void;
  /** Runs the steps once. @returns when all have run, or the time is over */
  run(reason: string): Promise<void>;
}

/** 128 + the signal's number, as shells report it. */
const EXIT_FORCED = 137;

/** @param parts `graceMs`: read when the stop begins
 *  Also takes SIGTERM and SIGINT: the first runs the stop and exits 0, the second forces it. */
export function createShutdown(parts: { readonly graceMs: number; readonly clock: Clock; readonly exit?: (code: number) => void }): Shutdown {
  const { clock } = parts;
  const exit = parts.exit ?? ((code: number) => process.exit(code));
  const steps: { readonly name: string; readonly step: () => Promise<void> | void }[] = [];
  const first: (() => Promise<void> | void)[] = [];
  const listeners: (() => void)[] = [];
  const abort = new AbortController();
  let force = (): void => undefined;
  let running: Promise<void> | undefined;

  async function runSteps(): Promise<void> {
    for (const listener of listeners) listener();
    abort.abort(new Error('Studio is stopping'));
    for (const step of first) await attempt('drain', step);
    for (const { name, step } of steps.reverse()) await attempt(name, step); // Serial: each may need what was started before it.
  }

  async function run(): Promise<void> {
    running ??= runSteps();
    const late = new AbortController();
    const isLate = await Promise.race([
      running.then(() => false),
      clock.sleep(parts.graceMs, late.signal).then(
        () => true,
        () => false,
      ),
    ]);
    late.abort();
    if (!isLate) return;
    process.stderr.write(`studio: the stop took longer than ${parts.graceMs} ms (GRACEFUL_TIMEOUT_S); ending by force\n`);
    force();
    exit(EXIT_FORCED);
  }

  const onSignal = (): void => {
    if (running !== undefined) {
      force();
      return exit(EXIT_FORCED);
    }
    void run().then(() => exit(0));
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);

  return {
    signal: abort.signal,
    add: (name, step) => void steps.push({ name, step }),
    addFirst: (step) => void first.push(step),
    onBegin: (listener) => void listeners.push(listener),
    setForce(next) {
      force = next;
    },
    abandon(code) {
      force();
      exit(code);
    },
    run,
  };
}

/** One step that fails must not keep the rest running: PostgreSQL still wants its checkpoint. */
async function attempt(name: string, step: () => Promise<void> | void): Promise<void> {
  try {
    await step();
  } catch (error) {
    process.stderr.write(`studio: stopping the ${name} failed: ${messageOf(error)}\n`);
  }
}
