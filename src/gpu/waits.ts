/** Why each that waits does, as the last decision left it, for whoever asks; and by when it starts. Decides nothing. */
import type { WaitReason } from '../contract/instances.ts';
import type { Clock } from '../kernel/clock.ts';
import { forecast } from './policy-forecast.ts';
import { explainWait } from './policy-reasons.ts';
import { deviceCount, type PolicyDecision, type PolicyRequest, type PolicyState, type PolicyWait } from './policy-state.ts';

export interface Waits {
  note(state: PolicyState, decision: PolicyDecision): void;
  /** @param viewer the org that asks; null: nobody in particular  @returns undefined when it does not wait */
  of(request: PolicyRequest, viewer: string | null): WaitReason | undefined;
}

export interface WaitsParts {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly neverReason: (request: PolicyRequest) => string | undefined;
  /** Why it is not known yet which devices there are. */
  readonly unknownDevices: () => string | undefined;
}

/** How long a forecast is good enough to be shown. */
const FORECAST_MS = 2_000;

export function createWaits({ clock, neverReason, unknownDevices }: WaitsParts): Waits {
  let decided: { readonly state: PolicyState; readonly decision: PolicyDecision; waits?: ReadonlyMap<string, PolicyWait> } | undefined;
  let played: { readonly atMs: number; readonly starts: ReadonlyMap<string, number> } | undefined;

  function startOf(tenantId: string): number | undefined {
    if (played === undefined || clock.monotonic() - played.atMs > FORECAST_MS)
      played = { atMs: clock.monotonic(), starts: decided === undefined ? new Map() : forecast(decided.state, clock.now()) };
    return played.starts.get(tenantId);
  }

  return {
    note(state, decision) {
      decided = { state, decision };
    },
    of(request, viewer) {
      if (decided === undefined) return undefined;
      // Thousands wait, and few ask why.
      decided.waits ??= new Map(decided.decision.waits.map((wait) => [wait.request.id, wait]));
      const wait = decided.waits.get(request.id);
      if (wait === undefined) return undefined;
      const unknown = deviceCount(request) === 0 ? undefined : unknownDevices();
      if (unknown !== undefined) return { kind: 'devices', message: unknown };
      const never = neverReason(request);
      if (never !== undefined) return { kind: 'unsatisfiable', message: `it can't start here: ${never}` };
      return explainWait(decided.state, wait, viewer, startOf(request.id) ?? wait.untilMs);
    },
  };
}
