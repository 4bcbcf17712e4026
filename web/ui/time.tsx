/** Times and figures in a line. Relative in the cell, absolute with zone in the tooltip. */
import { now } from './clock.ts';
import { formatAbsolute, formatBytes, formatDuration, formatRelative } from './format.ts';
import type { JSX } from 'preact';

/** A time as an age, ticking. */
export function RelativeTime(props: { readonly at: string | number | null | undefined }): JSX.Element {
  if (props.at === null || props.at === undefined) return <span class="faint">–</span>;
  const at = typeof props.at === 'number' ? props.at : Date.parse(props.at);
  return (
    <time class="figures" dateTime={new Date(at).toISOString()} data-tip={formatAbsolute(at)}>
      {formatRelative(at, now.value)}
    </time>
  );
}

/** From start to end; ticking while there is no end. */
export function Duration(props: { readonly from: string | null | undefined; readonly to?: string | null | undefined }): JSX.Element {
  if (props.from === null || props.from === undefined) return <span class="faint">–</span>;
  const to = props.to === null || props.to === undefined ? now.value : Date.parse(props.to);
  return <span class="mono figures">{formatDuration(to - Date.parse(props.from))}</span>;
}

export function Bytes(props: { readonly bytes: number | null | undefined }): JSX.Element {
  if (props.bytes === null || props.bytes === undefined) return <span class="faint">–</span>;
  return (
    <span class="mono figures" data-tip={`${props.bytes.toLocaleString('en')} bytes`}>
      {formatBytes(props.bytes)}
    </span>
  );
}
