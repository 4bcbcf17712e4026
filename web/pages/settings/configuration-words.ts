/** What the page of the configuration says and finds. Pure. */
import type { Configuration } from '../../../src/contract/system.ts';

type Setting = Configuration['keys'][number];

/** All of the words stand in its names, its value or what it is about; case does not count. */
export function matchesSetting({ name, aliases, value, about }: Setting, words: string): boolean {
  const text = [name, ...aliases, value, about].join('\n').toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** What a reload came to, in one line. */
export function reloadWords({ applied, needsRestart, faults }: NonNullable<Configuration['reload']>): string {
  if (faults.length > 0) return 'It can’t be used; nothing was changed';
  if (applied.length === 0 && needsRestart.length === 0) return 'Nothing has changed';
  const parts = [applied.length > 0 ? `Took effect: ${applied.join(', ')}` : '', needsRestart.length > 0 ? `needs a restart: ${needsRestart.join(', ')}` : ''];
  const text = parts.filter((part) => part !== '').join('; ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}
