/** One word for the whole: is it well? And why not. */
import { health, healthError } from '../../state/health.ts';
import { StatusChip } from '../../ui/status-chip.tsx';
import type { JSX } from 'preact';

export function Verdict(): JSX.Element {
  const value = health.value;
  if (healthError.value !== undefined) return <StatusChip status="unknown" word="Health unknown" />;
  if (value === undefined) return <StatusChip status="unknown" word="Asking" />;
  const reasons = value.reasons.join('; ');
  return (
    <span class="row">
      <StatusChip status={value.status} />
      {reasons !== '' && (
        <span class="muted truncate verdict-why" data-tip={reasons}>
          {reasons}
        </span>
      )}
    </span>
  );
}
