/** What concerns every page, above it: lost live updates with their age. */
import { live } from '../connection.ts';
import { now } from '../ui/clock.ts';
import { Banner, StaleBar } from '../ui/views.tsx';
import type { JSX } from 'preact';

// A blink of the network is not worth a bar.
const SHOW_LOSS_AFTER_MS = 3_000;

/** Whether what is shown may be out of date by now: values are dimmed. */
export function isStale(): boolean {
  const { kind, since } = live.state.value;
  return (kind === 'lost' || kind === 'connecting') && now.value - since > SHOW_LOSS_AFTER_MS;
}

export function Banners(): JSX.Element | null {
  const { kind, since } = live.state.value;
  if (kind === 'polling')
    return <Banner tone="note">No live connection can be had (a proxy may block WebSockets). This page asks every few seconds instead.</Banner>;
  if (isStale()) return <StaleBar since={since} onRetry={() => live.wake()} />;
  return null;
}
