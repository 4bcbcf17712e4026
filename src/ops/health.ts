/** What Studio says about itself: one word for `/health`, and the facts it is made of. Never calls upward, never throws:
 *  a probe that fails is an answer. */
import type * as z from 'zod';
import type { shadowHealth } from '../contract/health.ts';
import type { HealthState } from '../contract/values.ts';
import { systemClock, type Clock } from '../kernel/clock.ts';
import { messageOf } from '../kernel/fail.ts';
import type { BootProgress } from '../supervise/boot-progress.ts';
import type { StorageVerdict } from '../supervise/storage.ts';

/** One part's answer to "do you work?". */
export interface Probe {
  readonly ok: boolean;
  readonly ms: number;
  readonly reason?: string;
}

/** Asks a part; resolves to facts, rejects with why not. */
export type Check<T extends object = object> = (signal: AbortSignal) => Promise<T>;

export interface HealthParts {
  readonly clock: Clock;
  readonly progress: BootProgress;
}

export interface Overall {
  readonly status: HealthState;
  /** While starting. */
  readonly phase?: string;
  readonly reasons: readonly string[];
  readonly httpStatus: 200 | 503;
}

export interface HealthBoard {
  overall(): Overall;
  /** The body of `/health`: open to everybody, so it says no more than it must. */
  minimal(): { readonly httpStatus: 200 | 503; readonly body: { readonly status: HealthState; readonly phase?: string } };
  setDraining(): void;
  /** A required part that is down makes health unready; an optional one degrades it. Null: up again. */
  report(part: string, fault: string | null, required: boolean): void;
  /** How long a part has been down without a break, ms; 0 while it is up. */
  downMs(part: string): number;
  /** @returns a function that ends the subscription */
  onChange(listener: (overall: Overall) => void): () => void;
  storage: StorageVerdict | undefined;
  /** Of the plan `shadow`, once the database is up. */
  shadow: () => z.infer<typeof shadowHealth> | null;
}

export function createHealthBoard({ progress }: Pick<HealthParts, 'progress'>): HealthBoard {
  const faults = new Map<string, { readonly fault: string; readonly required: boolean; readonly sinceMs: number }>();
  const listeners = new Set<(overall: Overall) => void>();
  let isDraining = false;
  let last = '';

  function overall(): Overall {
    const reasons = [...faults].map(([part, { fault }]) => `${part}: ${fault}`);
    if (isDraining) return { status: 'draining', reasons, httpStatus: 503 };
    if (progress.phase !== 'ready')
      return { status: 'starting', phase: progress.phase, reasons: progress.fault === undefined ? reasons : [progress.fault, ...reasons], httpStatus: 503 };
    if (reasons.length === 0) return { status: 'ok', reasons, httpStatus: 200 };
    return { status: 'degraded', reasons, httpStatus: [...faults.values()].some(({ required }) => required) ? 503 : 200 };
  }

  function tell(): void {
    const now = overall();
    const key = JSON.stringify(now);
    if (key === last) return;
    last = key;
    for (const listener of listeners) listener(now);
  }

  return {
    overall,
    minimal() {
      const { status, phase, httpStatus } = overall();
      return { httpStatus, body: phase === undefined ? { status } : { status, phase } };
    },
    setDraining() {
      isDraining = true;
      tell();
    },
    report(part, fault, required) {
      if (fault === null) faults.delete(part);
      else faults.set(part, { fault, required, sinceMs: faults.get(part)?.sinceMs ?? systemClock.monotonic() });
      tell();
    },
    downMs(part) {
      const sinceMs = faults.get(part)?.sinceMs;
      return sinceMs === undefined ? 0 : systemClock.monotonic() - sinceMs;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    storage: undefined,
    shadow: () => null,
  };
}

/** Runs a check within `timeoutMs`. @returns its facts, or why it failed; never rejects */
export async function runCheck<T extends object>(check: Check<T>, timeoutMs: number, clock: Clock): Promise<{ readonly probe: Probe; readonly facts?: T }> {
  const startedAt = clock.monotonic();
  const late = new AbortController();
  const elapsed = (): number => Math.round((clock.monotonic() - startedAt) * 10) / 10;
  try {
    const timeout = clock.sleep(timeoutMs, late.signal).then(() => Promise.reject(new Error(`no answer within ${timeoutMs} ms`)));
    const facts = await Promise.race([check(late.signal), timeout]);
    return { probe: { ok: true, ms: elapsed() }, facts };
  } catch (error) {
    return { probe: { ok: false, ms: elapsed(), reason: messageOf(error) } };
  } finally {
    late.abort();
  }
}

/** Asks a part again and again and reports changes to the board. @returns a function that ends it */
export function watch(parts: {
  readonly board: HealthBoard;
  readonly clock: Clock;
  readonly part: string;
  readonly required: boolean;
  readonly check: Check;
  readonly everyMs: number;
  readonly timeoutMs: number;
}): () => void {
  const { board, clock, part, required } = parts;
  let isEnded = false;
  let cancel = (): void => undefined;
  const look = async (): Promise<void> => {
    const { probe } = await runCheck(parts.check, parts.timeoutMs, clock);
    if (isEnded) return;
    board.report(part, probe.ok ? null : (probe.reason ?? 'down'), required);
    cancel = clock.after(parts.everyMs, () => void look());
  };
  void look();
  return () => {
    isEnded = true;
    cancel();
  };
}
