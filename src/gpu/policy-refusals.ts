/** What was refused in a decision: whoever asks for no less, with no better right, is refused without another look. This is what keeps a decision at 10,000 waiting
 *  requests within milliseconds. Of one decision; holds as long as no room is added. */
import type { PolicyRequest, PolicyWait } from './policy-state.ts';

type Refusal = Pick<PolicyWait, 'why' | 'behind'>;

/** More would cost more to search than they save. */
const MAX = 64;

export interface Refusals {
  find(request: PolicyRequest): Refusal | undefined;
  add(request: PolicyRequest, refusal: Refusal): void;
}

interface Known extends Refusal {
  readonly request: PolicyRequest;
  readonly limitMs: number;
}

export function createRefusals(): Refusals {
  // What only differs in kind says nothing about each other: for whole devices, for shares, for none.
  const kinds: readonly Known[][] = [[], [], []];
  const kindOf = ({ gpus, vramBytes }: PolicyRequest): Known[] | undefined => kinds[vramBytes > 0 ? 1 : gpus > 0 ? 0 : 2];
  return {
    find(request) {
      const limitMs = request.limitMs ?? Infinity;
      for (const known of kindOf(request) ?? []) if (limitMs >= known.limitMs && asksNoLess(request, known.request)) return known;
      return undefined;
    },
    add(request, { why, behind }) {
      const known = kindOf(request);
      if (known !== undefined && known.length < MAX) known.push({ request, why, behind, limitMs: request.limitMs ?? Infinity });
    },
  };
}

function asksNoLess(request: PolicyRequest, than: PolicyRequest): boolean {
  return (
    request.vramBytes >= than.vramBytes &&
    request.gpus >= than.gpus &&
    request.cpu >= than.cpu &&
    request.memoryBytes >= than.memoryBytes &&
    request.priority <= than.priority
  );
}
