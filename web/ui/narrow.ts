/** Whether the window is as narrow as a phone; follows it. The same 720 px as in the stylesheets. */
import { signal } from '@preact/signals';
import type { ReadonlySignal } from '@preact/signals';

const query = window.matchMedia('(max-width: 720px)');
const narrow = signal(query.matches);
query.addEventListener('change', () => (narrow.value = query.matches));

export const isNarrow: ReadonlySignal<boolean> = narrow;
