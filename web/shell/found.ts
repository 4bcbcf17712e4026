/** What the palette finds beside commands: workflows, instances, jobs, models and files, as commands that open them. */
import { useEffect, useState } from 'preact/hooks';
import { call } from '../api.ts';
import { go } from '../route.ts';
import type { SearchHit } from '../../src/contract/search.ts';
import type { Command } from './commands.ts';

// Typing is not a search for each letter.
const SEARCH_AFTER_MS = 150;

const GROUPS: Readonly<Record<SearchHit['kind'], string>> = { workflow: 'Workflows', instance: 'Instances', job: 'Jobs', model: 'Models', file: 'Files' };

/** Where a found thing is looked at. */
export function pathOfHit({ kind, id }: Pick<SearchHit, 'kind' | 'id'>): string {
  switch (kind) {
    case 'workflow':
      return `/workflows/${id}`;
    case 'instance':
      return `/instances/${id}`;
    case 'job':
      return `/jobs/${id}`;
    case 'model':
      return `/models?model=${encodeURIComponent(id)}`;
    case 'file':
      return `/files?dir=${encodeURIComponent(id.slice(0, id.lastIndexOf('/') + 1))}&file=${encodeURIComponent(id)}`;
  }
}

/** What it is, as a line of the palette. */
export function commandOfHit(hit: SearchHit): Command {
  const path = pathOfHit(hit);
  const { detail, status } = hit;
  return {
    id: `found:${hit.kind}:${hit.id}`,
    title: hit.title,
    group: GROUPS[hit.kind],
    ...(detail === undefined ? {} : { note: `${hit.matched}: ${detail}` }),
    ...(status === undefined ? {} : { status }),
    run: () => go(path),
  };
}

/** What answers the words now; empty while fewer than two letters are typed. */
export function useFound(query: string): readonly Command[] {
  const [found, setFound] = useState<readonly Command[]>([]);
  useEffect(() => {
    const q = query.trim();
    if (q.length < 2) {
      setFound([]);
      return undefined;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call('GET /api/v1/search', { query: { q }, signal: stop.signal }).then(
        (answer) => setFound(answer.items.map(commandOfHit)),
        // A search that fails finds nothing; the page behind says what is wrong.
        () => stop.signal.aborted || setFound([]),
      );
    }, SEARCH_AFTER_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [query]);
  return found;
}
