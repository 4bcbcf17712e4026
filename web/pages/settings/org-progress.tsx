/** How far an org is on its way out, in or away. */
import { orgWorkWords, type OrgWork } from '../../state/org-work-words.ts';
import { progressWords } from '../../state/backup-words.ts';
import { Progress } from '../../ui/meter.tsx';
import type { JSX } from 'preact';

export function OrgProgress({ work }: { readonly work: OrgWork | undefined }): JSX.Element | null {
  if (work === undefined) return null;
  const { doneBytes, totalBytes } = work.progress;
  const words = orgWorkWords(work);
  return (
    <div class="stack stack-tight">
      <span class="muted small">{[words, progressWords(work.progress)].filter((part) => part !== '').join(' · ')}</span>
      <Progress label={words} value={totalBytes === null || totalBytes === 0 ? undefined : Math.min(1, doneBytes / totalBytes)} />
    </div>
  );
}
