/** The few things of the machine and of the org that have names and no search of their own: asked for whole, once the palette is typed into. */
import { useEffect, useState } from 'preact/hooks';
import { call } from '../api.ts';
import { mayRead } from '../pages/settings/sections.ts';
import { go } from '../route.ts';
import { me } from '../session.ts';
import type { Command } from './commands.ts';

type Named = readonly { readonly title: string; readonly words?: string; readonly path: string; readonly status?: string }[];

interface Source {
  readonly group: string;
  readonly admin?: true;
  readonly read: (signal: AbortSignal) => Promise<Named>;
}

const sources: readonly Source[] = [
  {
    group: 'Services',
    read: async (signal) =>
      (await call('GET /api/v1/services', { signal })).items.map(({ name, state }) => ({
        title: name,
        path: `/services?service=${encodeURIComponent(name)}`,
        status: state,
      })),
  },
  {
    group: 'Queues',
    read: async (signal) => (await call('GET /api/v1/queues', { signal })).items.map(({ name }) => ({ title: name, path: '/queues' })),
  },
  {
    group: 'GPUs',
    read: async (signal) =>
      (await call('GET /api/v1/gpus', { signal })).items.map(({ index, name, uuid }) => ({ title: `GPU ${index}`, words: `${name} ${uuid}`, path: '/gpus' })),
  },
  {
    group: 'Secrets',
    read: async (signal) => (await call('GET /api/v1/secrets', { signal })).items.map(({ name }) => ({ title: name, path: '/settings/secrets' })),
  },
  {
    group: 'Members',
    admin: true,
    read: async (signal) =>
      (await call('GET /api/v1/orgs/current/members', { query: { limit: 200 }, signal })).items.map(({ name, email }) => ({
        title: name,
        words: email,
        path: '/settings/members',
      })),
  },
];

/** @param wanted whether somebody typed: who only opens the palette for a key asks nothing */
export function useNamed(wanted: boolean): readonly Command[] {
  const [found, setFound] = useState<readonly Command[]>([]);
  useEffect(() => {
    if (!wanted) return undefined;
    const stop = new AbortController();
    const mine = sources.filter(({ admin }) => admin !== true || mayRead(me.value?.role ?? 'user', 'admin'));
    for (const source of mine) {
      source.read(stop.signal).then(
        (named) => setFound((before) => [...before, ...commandsOf(source.group, named)]),
        // What cannot be read now is not found; its page says why.
        () => undefined,
      );
    }
    return () => stop.abort();
  }, [wanted]);
  return found;
}

function commandsOf(group: string, named: Named): readonly Command[] {
  return named.map(({ title, words, path, status }) => ({ id: `named:${group}:${title}`, title, group, words, status, run: () => go(path) }));
}
