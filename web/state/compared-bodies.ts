/** Steps inside maps and loops of two instances, read when somebody unfolds one. */
import { useState } from 'preact/hooks';
import type { Step } from '../../src/contract/instances.ts';
import { call } from '../api.ts';
import { compareBodies } from './compare.ts';
import type { ComparedBody } from './compare.ts';

const PAGE = 200;
// More items than a person compares; a search for what failed leads there sooner.
const MOST_PAGES = 10;

export interface ComparedBodies {
  readonly open: ReadonlyMap<string, ComparedBody>;
  readonly toggle: (path: string) => Promise<void>;
}

/** @throws ApiError from `toggle` */
export function useComparedBodies(a: string, b: string): ComparedBodies {
  const [open, setOpen] = useState<ReadonlyMap<string, ComparedBody>>(() => new Map());
  return {
    open,
    async toggle(path) {
      if (open.has(path)) return setOpen((old) => new Map([...old].filter(([key]) => key !== path)));
      const [first, second] = await Promise.all([readUnder(a, path), readUnder(b, path)]);
      setOpen((old) => new Map(old).set(path, compareBodies(first, second)));
    },
  };
}

async function readUnder(id: string, under: string): Promise<{ readonly steps: readonly Step[]; readonly isPart: boolean }> {
  const newest = new Map<string, Step>();
  let after: string | null = null;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    // Serial: each page begins where the one before ended.
    const answer: { readonly items: readonly Step[]; readonly next: string | null } = await call('GET /api/v1/instances/{id}/steps', {
      params: { id },
      query: { under, limit: PAGE, ...(after === null ? {} : { after }) },
    });
    for (const step of answer.items) if ((newest.get(step.path)?.generation ?? 0) <= step.generation) newest.set(step.path, step);
    after = answer.next;
    if (after === null) break;
  }
  return { steps: [...newest.values()], isPart: after !== null };
}
