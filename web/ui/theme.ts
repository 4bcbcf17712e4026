/** The chosen theme: dark, light or the system's. Kept in this browser; theme-boot.ts applies it before the first paint. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

export type Theme = 'dark' | 'light' | 'system';

const KEY = 'studio.theme';

const chosen = signal<Theme>(read());

export const theme: ReadonlySignal<Theme> = chosen;

function read(): Theme {
  const stored = localStorage.getItem(KEY);
  return stored === 'dark' || stored === 'light' ? stored : 'system';
}

export function setTheme(next: Theme): void {
  chosen.value = next;
  if (next === 'system') {
    localStorage.removeItem(KEY);
    delete document.documentElement.dataset['theme'];
    return;
  }
  localStorage.setItem(KEY, next);
  document.documentElement.dataset['theme'] = next;
}
