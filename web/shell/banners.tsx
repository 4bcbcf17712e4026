/** What concerns every page, above it: lost live updates with their age, and what health has to say. */
import { useSignal } from '@preact/signals';
import { X } from 'lucide-preact';
import { live } from '../connection.ts';
import { href } from '../route.ts';
import { health } from '../state/health.ts';
import { noticesOf } from '../state/notices.ts';
import { isOutdated } from '../state/skew.ts';
import { Button, IconButton } from '../ui/button.tsx';
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

export function Banners(): JSX.Element {
  const closed = useSignal<ReadonlySet<string>>(new Set());
  const { kind, since } = live.state.value;
  const notices = health.value === undefined ? [] : noticesOf(health.value).filter((notice) => !closed.value.has(notice.id));
  return (
    <>
      {isStale() && <StaleBar since={since} onRetry={() => live.wake()} />}
      {kind === 'polling' && (
        <Banner tone="note">
          No live connection can be had (a proxy may block WebSockets). This page asks every few seconds instead.{' '}
          <a href={href('/docs/troubleshooting/live-updates')} target="_blank" rel="noopener">
            What to do
          </a>
        </Banner>
      )}
      {isOutdated.value && (
        <Banner
          tone="note"
          action={
            <Button size="small" onClick={() => window.location.reload()}>
              Load it again
            </Button>
          }
        >
          Studio was updated while this page was open.
        </Banner>
      )}
      {notices.map((notice) => (
        <Banner
          key={notice.id}
          tone={notice.tone}
          action={
            notice.closable && (
              <IconButton
                size="small"
                label="Close this notice"
                icon={<X size={14} />}
                onClick={() => (closed.value = new Set([...closed.value, notice.id]))}
              />
            )
          }
        >
          {notice.text}
        </Banner>
      ))}
    </>
  );
}
