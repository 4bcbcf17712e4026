/** The line of those that wait, kept in order: a request finds its place by halving, so that no decision sorts thousands. */
import { compareRank, type PolicyRequest } from './policy-state.ts';

export interface Line {
  /** Sorted; not to be kept. */
  readonly all: readonly PolicyRequest[];
  get(id: string): PolicyRequest | undefined;
  /** Takes the place of an earlier one of the same id. */
  add(request: PolicyRequest): void;
  delete(id: string): boolean;
}

export function createLine(): Line {
  const byId = new Map<string, PolicyRequest>();
  const all: PolicyRequest[] = [];
  const placeOf = (request: PolicyRequest): number => {
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = all[middle];
      if (other !== undefined && compareRank(other, request) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const remove = (id: string): boolean => {
    const known = byId.get(id);
    if (known === undefined) return false;
    all.splice(placeOf(known), 1);
    byId.delete(id);
    return true;
  };
  return {
    all,
    get: (id) => byId.get(id),
    add(request) {
      remove(request.id);
      byId.set(request.id, request);
      all.splice(placeOf(request), 0, request);
    },
    delete: remove,
  };
}
