/** One word for the whole: is it well? */
import { live } from '../../connection.ts';
import { StatusChip } from '../../ui/status-chip.tsx';
import type { JSX } from 'preact';

export function Verdict(): JSX.Element {
  return <StatusChip status={live.state.value.kind === 'lost' ? 'unknown' : 'ok'} />;
}
