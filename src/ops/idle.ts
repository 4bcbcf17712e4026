/** When an idle machine warns and when it acts: a pure function of facts, policy and what was done before. Knows no clock, no database and no pod. */
import type { IdlePolicy } from '../contract/idle.ts';

/** What is known at one look. Times are ms since 1970. */
export interface IdleFacts {
  readonly nowMs: number;
  /** What goes on right now; empty: nothing. */
  readonly busy: readonly { readonly what: string; readonly message: string }[];
  /** The last sign of anything that is over already: a job that ended between two looks, somebody's last click. */
  readonly lastActivityMs: number;
}

/** What was done until now. */
export interface IdleMemory {
  /** Nothing goes on since then; null: something does. */
  readonly idleSinceMs: number | null;
  readonly warnedAtMs: number | null;
  readonly actedAtMs: number | null;
  /** Counted as busy until then. */
  readonly keepAwakeUntilMs: number | null;
}

export const freshMemory: IdleMemory = { idleSinceMs: null, warnedAtMs: null, actedAtMs: null, keepAwakeUntilMs: null };

export interface IdleDecision {
  readonly memory: IdleMemory;
  /** `calm`: it was warned of, and something goes on again. */
  readonly act: 'none' | 'warn' | 'calm' | 'act';
  /** When it acts if nothing happens until then. */
  readonly actsAtMs: number | null;
}

/** An act that came to nothing is tried again after this. */
const AGAIN_MS = 10 * 60_000;

/** Never acts while anything goes on, and never sooner than `warnMs` after a warning. */
export function decideIdle(policy: IdlePolicy, facts: IdleFacts, memory: IdleMemory): IdleDecision {
  const { nowMs } = facts;
  const keepAwakeUntilMs = memory.keepAwakeUntilMs !== null && memory.keepAwakeUntilMs > nowMs ? memory.keepAwakeUntilMs : null;
  const wasWarned = memory.warnedAtMs !== null;
  if (!policy.enabled || facts.busy.length > 0 || keepAwakeUntilMs !== null)
    return { memory: { ...freshMemory, keepAwakeUntilMs }, act: wasWarned ? 'calm' : 'none', actsAtMs: null };
  // A clock that was set back counts as now.
  const activityMs = Math.min(facts.lastActivityMs, nowMs);
  const idleSinceMs = Math.min(nowMs, Math.max(memory.idleSinceMs ?? nowMs, activityMs));
  const isDisturbed = wasWarned && memory.idleSinceMs !== null && activityMs > memory.idleSinceMs && activityMs > (memory.warnedAtMs ?? 0);
  if (isDisturbed) return { memory: { ...freshMemory, idleSinceMs }, act: 'calm', actsAtMs: idleSinceMs + policy.afterMs };
  const warnAtMs = idleSinceMs + Math.max(0, policy.afterMs - policy.warnMs);
  const next: IdleMemory = { ...memory, idleSinceMs, keepAwakeUntilMs };
  if (memory.warnedAtMs === null) {
    if (nowMs < warnAtMs) return { memory: next, act: 'none', actsAtMs: idleSinceMs + policy.afterMs };
    return { memory: { ...next, warnedAtMs: nowMs }, act: 'warn', actsAtMs: Math.max(idleSinceMs + policy.afterMs, nowMs + policy.warnMs) };
  }
  const dueAtMs = Math.max(idleSinceMs + policy.afterMs, memory.warnedAtMs + policy.warnMs, memory.actedAtMs === null ? 0 : memory.actedAtMs + AGAIN_MS);
  if (nowMs < dueAtMs) return { memory: next, act: 'none', actsAtMs: dueAtMs };
  return { memory: { ...next, actedAtMs: nowMs }, act: 'act', actsAtMs: nowMs + AGAIN_MS };
}
