/** Health as the whole UI sees it: read once in a while, and whenever Studio says it changed. One reader for banners, header and pages. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from '../api.ts';
import { useResource } from './resource.ts';
import type { ReadonlySignal } from '@preact/signals';
import type { ApiError } from '../api.ts';
import type { ReplyOf } from '../../src/contract/index.ts';

export type Health = ReplyOf<'GET /api/v1/infrastructure/health'>;

// Changes are told at once; this is for what has no event: free space, sockets.
const EVERY_MS = 10_000;

const TELLING: ReadonlySet<string> = new Set(['system:health:changed', 'supervise:service:changed', 'system:maintenance:changed']);

const present = signal<Health | undefined>(undefined);
const fault = signal<ApiError | undefined>(undefined);

export const health: ReadonlySignal<Health | undefined> = present;
export const healthError: ReadonlySignal<ApiError | undefined> = fault;

/** Keeps `health` fresh while the shell is mounted. Called once, by the shell. */
export function useHealthFeed(): void {
  const { value, error } = useResource((signal) => call('GET /api/v1/infrastructure/health', { signal }), [], {
    everyMs: EVERY_MS,
    follow: {
      rooms: ['system'],
      cursorOf: () => undefined,
      apply: (old, event) => (TELLING.has(event.event_type) ? 'reload' : old),
    },
  });
  useEffect(() => {
    present.value = value;
    fault.value = error;
  }, [value, error]);
}
