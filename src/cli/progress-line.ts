/** How far long work is, as one line that is written over: where a person looks, and nowhere else. */
import type { ProgressState } from '../kernel/progress.ts';

type Shown = Pick<ProgressState, 'phase' | 'doneBytes' | 'totalBytes' | 'at'>;

/** @param state null: it is over, and the line is cleared */
export function showProgress(state: Shown | null): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${state === null ? '' : progressText(state)}`);
}

/** `rows 42 %  1.2 GiB of 2.9 GiB  step_logs` */
export function progressText({ phase, doneBytes, totalBytes, at }: Shown): string {
  const share = totalBytes === null || totalBytes === 0 ? '' : ` ${Math.min(100, Math.floor((100 * doneBytes) / totalBytes))} %`;
  const bytes = doneBytes === 0 ? '' : `  ${size(doneBytes)}${totalBytes === null || totalBytes === 0 ? '' : ` of ${size(totalBytes)}`}`;
  return `${phase}${share}${bytes}${at === null ? '' : `  ${at}`}`;
}

export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
