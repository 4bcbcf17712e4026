/** The page's one live connection, wired to the API client and to the browser's own hints. */
import { baseUrl, call } from './api.ts';
import { createLive } from './live.ts';
import { sessionEnded } from './session.ts';
import type { Live } from './live.ts';

function socketUrl(): URL {
  const url = new URL('api/v1/realtime', baseUrl());
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

export const live: Live = createLive({
  url: socketUrl,
  poll: async (read, signal) => await call('GET /api/v1/events', { query: read, signal }),
  now: () => Date.now(),
  onSessionEnded: sessionEnded,
});

for (const hint of ['online', 'offline']) window.addEventListener(hint, () => live.wake());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') live.wake();
});
