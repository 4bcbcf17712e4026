/** What was refused in a decision: whoever asks for no less, with no better right, is refused without another look. This is what keeps a decision at 10,000 waiting
 *  requests within milliseconds. Of one decision; holds as long as no room is added. */
import { poolOf } from './policy-reserve.ts';
import { wantsWhole, type PolicyRequest, type PolicyWait } from './policy-state.ts';

type Refusal = Pick<PolicyWait, 'why' | 'behind'>;

/** More would cost more to search than they save. */
const MAX = 64;

export interface Refusals {
  find(request: PolicyRequest): Refusal | undefined;
  add(request: PolicyRequest, refusal: Refusal): void;
}

export function createRefusals(): Refusals {
  const known: { readonly request: PolicyRequest; readonly refusal: Refusal }[] = [];
  return {
    find(request) {
      for (const { request: refused, refusal } of known) if (asksNoLess(request, refused)) return refusal;
      return undefined;
    },
    add(request, refusal) {
      if (known.length < MAX) known.push({ request, refusal });
    },
  };
}

function asksNoLess(request: PolicyRequest, than: PolicyRequest): boolean {
  return (
    request.vramBytes >= than.vramBytes &&
    request.gpus >= than.gpus &&
    request.cpu >= than.cpu &&
    request.memoryBytes >= than.memoryBytes &&
    request.priority <= than.priority &&
    (request.limitMs ?? Infinity) >= (than.limitMs ?? Infinity) &&
    wantsWhole(request) === wantsWhole(than) &&
    poolOf(request) === poolOf(than)
  );
}
