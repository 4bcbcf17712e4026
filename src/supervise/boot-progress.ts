/** How far the start has come: phase, last lines, a fault that holds it up. Written by main, read by the boot page and health.
 *  Lines are ours, for anybody to read: never a claim link, a secret or a payload. */

/** In the order of the start. */
const PHASES = {
  config: 'Reading the configuration',
  storage: 'Looking at the storage',
  lock: 'Taking the workspace',
  postgres: 'Starting PostgreSQL',
  migrate: 'Bringing the database up to date',
  redis: 'Starting Redis',
  gate: 'Waiting for required endpoints',
  engine: 'Finding what was running',
  ready: 'Ready',
} as const;
export type BootPhase = keyof typeof PHASES;

export interface BootView {
  readonly phase: BootPhase;
  readonly title: string;
  /** 0 to 1. */
  readonly share: number;
  readonly elapsedMs: number;
  readonly lines: readonly string[];
  readonly fault: string | null;
}

export interface BootProgress {
  readonly phase: BootPhase;
  readonly fault: string | undefined;
  enter(phase: BootPhase): void;
  say(line: string): void;
  /** What holds the start up; undefined once it goes on. */
  setFault(fault: string | undefined): void;
  view(): BootView;
}

const KEPT_LINES = 12;

/** @param now wall time; the start is the process's own, not this call's */
export function createBootProgress(elapsedMs: () => number, onLine: (line: string) => void): BootProgress {
  const names = Object.keys(PHASES) as BootPhase[];
  const lines: string[] = [];
  let phase: BootPhase = 'config';
  let fault: string | undefined;
  const say = (line: string): void => {
    const stamped = `${(elapsedMs() / 1_000).toFixed(2).padStart(6)} s  ${line}`;
    lines.push(stamped);
    if (lines.length > KEPT_LINES) lines.shift();
    onLine(line);
  };
  return {
    get phase() {
      return phase;
    },
    get fault() {
      return fault;
    },
    enter(next) {
      phase = next;
      fault = undefined;
      say(PHASES[next]);
    },
    say,
    setFault(next) {
      if (next !== undefined && next !== fault) say(next);
      fault = next;
    },
    view: () => ({
      phase,
      title: PHASES[phase],
      share: names.indexOf(phase) / (names.length - 1),
      elapsedMs: Math.round(elapsedMs()),
      // For whoever waits; nobody's business once there is nothing to wait for.
      lines: phase === 'ready' ? [] : [...lines],
      fault: fault ?? null,
    }),
  };
}
