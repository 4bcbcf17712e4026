/** The states of a view: loading (a skeleton, after 150 ms), empty, error, stale. Every page shows its facts through these. */
import { CircleAlert, RotateCw } from 'lucide-preact';
import { useEffect, useState } from 'preact/hooks';
import { Button } from './button.tsx';
import { now } from './clock.ts';
import { CopyButton } from './copy.tsx';
import { formatDuration } from './format.ts';
import { helpAddress } from './help.ts';
import { requestLog } from './request-log.ts';
import type { ComponentChildren, JSX } from 'preact';

// Answers faster than this never flash a skeleton.
const SKELETON_AFTER_MS = 150;

/** Grey rows in place of what loads. */
export function Skeleton(props: { readonly rows?: number; readonly label?: string; readonly shape?: 'rows' | 'cards' | 'block' }): JSX.Element {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), SKELETON_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class={`skeleton skeleton-${props.shape ?? 'rows'}`} role="status" aria-busy="true">
      <span class="visually-hidden">{props.label ?? 'Loading'}</span>
      {shown && Array.from({ length: props.rows ?? 6 }, (_row, index) => <div key={index} class="skeleton-row" aria-hidden="true" />)}
    </div>
  );
}

/** Nothing here: what would be here, and the first action. */
export function Empty(props: {
  readonly title: string;
  readonly children?: ComponentChildren;
  readonly action?: ComponentChildren;
  readonly icon?: ComponentChildren;
}): JSX.Element {
  return (
    <div class="empty">
      {props.icon !== undefined && <div class="empty-icon">{props.icon}</div>}
      <h2>{props.title}</h2>
      {props.children !== undefined && <p class="muted">{props.children}</p>}
      {props.action !== undefined && <div class="row empty-action">{props.action}</div>}
    </div>
  );
}

/** What an error must hold to be shown; ApiError does. */
export interface ShownError {
  readonly code: string;
  readonly message: string;
  readonly requestId?: string | undefined;
}

/** A view that failed: code, message, retry, copy. `compact` stands in a line above what is still shown. */
export function ErrorView(props: {
  readonly error: ShownError;
  readonly onRetry?: () => void;
  readonly compact?: boolean;
  readonly title?: string;
}): JSX.Element {
  const { error } = props;
  const report = [`${error.code}: ${error.message}`, ...(error.requestId === undefined ? [] : [`request ${error.requestId}`])].join('\n');
  return (
    <div class={props.compact === true ? 'error-view error-compact' : 'error-view'} role="alert">
      <CircleAlert size={16} aria-hidden="true" />
      <div class="grow">
        <div class="strong">{props.title ?? 'This could not be loaded'}</div>
        <div>{error.message}</div>
        <div class="faint mono">
          {error.code}
          {error.requestId !== undefined && <RequestId id={error.requestId} />} ·{' '}
          <a href={helpAddress(error.code)} target="_blank" rel="noopener">
            What to do
          </a>
        </div>
      </div>
      <div class="row">
        <CopyButton text={report} label="Copy error" />
        {props.onRetry !== undefined && (
          <Button icon={<RotateCw size={14} />} onClick={props.onRetry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}

/** Leads to what Studio logged for the request, where one may see that. */
function RequestId({ id }: { readonly id: string }): JSX.Element {
  const address = requestLog.value?.(id);
  return <> · {address === undefined ? id : <a href={address}>{id}</a>}</>;
}

/** A line over a whole page or the whole UI. Amber warns, red needs someone, blue tells. */
export function Banner(props: {
  readonly tone: 'warn' | 'bad' | 'note';
  readonly children: ComponentChildren;
  readonly action?: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`banner banner-${props.tone}`} role={props.tone === 'bad' ? 'alert' : 'status'}>
      <CircleAlert size={14} aria-hidden="true" />
      <div class="grow">{props.children}</div>
      {props.action}
    </div>
  );
}

/** Live updates are interrupted: since when, and that the values below are that old. */
export function StaleBar(props: { readonly since: number; readonly onRetry?: () => void }): JSX.Element {
  return (
    <Banner
      tone="warn"
      action={
        props.onRetry === undefined ? undefined : (
          <Button size="small" onClick={props.onRetry}>
            Reconnect
          </Button>
        )
      }
    >
      Live updates stopped {formatDuration(Math.max(0, now.value - props.since))} ago. What you see may be out of date.
    </Banner>
  );
}

/** What a resource is, as far as showing it goes. */
export interface Viewed<Value> {
  readonly value: Value | undefined;
  readonly error: ShownError | undefined;
  readonly reload: () => void;
}

// Studio is away for a moment: the bar above every page says so, once, and the old value is dimmed.
const AWAY: ReadonlySet<string> = new Set(['network', 'starting', 'draining']);

/** Shows a resource: skeleton, error, or its value; an error after a value stands above the old value, dimmed. */
export function View<Value>(props: {
  readonly of: Viewed<Value>;
  readonly children: (value: Value) => ComponentChildren;
  readonly skeleton?: ComponentChildren;
  readonly what?: string;
}): JSX.Element {
  const { value, error, reload } = props.of;
  const title = props.what === undefined ? {} : { title: `${props.what[0]?.toUpperCase() ?? ''}${props.what.slice(1)} could not be loaded` };
  if (value === undefined && error !== undefined) return <ErrorView error={error} onRetry={reload} {...title} />;
  if (value === undefined) return <>{props.skeleton ?? <Skeleton {...(props.what === undefined ? {} : { label: `Loading ${props.what}` })} />}</>;
  return (
    <>
      {error !== undefined && !AWAY.has(error.code) && <ErrorView compact error={error} onRetry={reload} {...title} />}
      <div class={error === undefined ? 'view' : 'view view-stale'}>{props.children(value)}</div>
    </>
  );
}
