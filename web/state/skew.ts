/** Whether Studio serves another UI by now than the one this page is of: after an upgrade, a page that stays open would go on with old code. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { baseUrl } from '../api.ts';
import { health } from './health.ts';
import { isOtherBuild } from './other-build.ts';
import type { ReadonlySignal } from '@preact/signals';

const outdated = signal(false);

/** True: the page should be loaded again. */
export const isOutdated: ReadonlySignal<boolean> = outdated;

/** Looks whenever Studio was started again while the page was open. Called once, by the shell. */
export function useSkewWatch(): void {
  const startedAt = health.value?.startedAt;
  useEffect(() => {
    if (startedAt === undefined || startedAt === seen) return;
    const isFirst = seen === undefined;
    seen = startedAt;
    if (!isFirst) void look();
  }, [startedAt]);
}

let seen: string | undefined;

async function look(): Promise<void> {
  const entry = document.querySelector('script[type="module"][src]')?.getAttribute('src');
  try {
    const response = await fetch(baseUrl(), { cache: 'no-store', headers: { accept: 'text/html' } });
    if (response.ok) outdated.value = isOtherBuild(await response.text(), entry ?? undefined);
  } catch {
    // Out of reach again: the next start is looked at.
  }
}
