/** A status as people see it: shape, word and hue, from the one status table. */
import { statusLook } from './status.ts';
import type { ComponentChildren, JSX } from 'preact';
import type { ServiceState } from '../../src/contract/values.ts';
import type { Shape } from './status.ts';

// 12 × 12, stroke 1.5, drawn on half pixels where lines are straight.
const shapes: Readonly<Record<Shape, JSX.Element>> = {
  ring: <circle cx="6" cy="6" r="3.75" />,
  clock: (
    <>
      <circle cx="6" cy="6" r="4.5" />
      <path d="M6 3.5V6l1.75 1" />
    </>
  ),
  half: (
    <>
      <circle cx="6" cy="6" r="4.5" />
      <path d="M6 1.5a4.5 4.5 0 0 1 0 9z" fill="currentColor" stroke="none" />
    </>
  ),
  check: <path d="m2 6.5 2.75 2.75L10 3.5" />,
  cross: <path d="m2.75 2.75 6.5 6.5m0-6.5-6.5 6.5" />,
  turn: <path d="M10 6a4 4 0 1 1-1.2-2.85M10 1.5v2.25H7.75" />,
  slash: (
    <>
      <circle cx="6" cy="6" r="4.5" />
      <path d="m2.9 9.1 6.2-6.2" />
    </>
  ),
  lines: <path d="M2 3h8M2 6h8M2 9h8" />,
  bars: <path d="M4 2.5v7m4-7v7" stroke-width="2" />,
  hourglass: <path d="M2.75 1.5h6.5m-6.5 9h6.5M3.5 1.75c0 2.75 5 3.25 5 8.5m0-8.5c0 2.75-5 3.25-5 8.5" />,
  stop: (
    <>
      <path d="M4 1.5h4L10.5 4v4L8 10.5H4L1.5 8V4z" />
      <path d="M4.25 4.25l3.5 3.5m0-3.5-3.5 3.5" />
    </>
  ),
};

/** The shape of a status alone, in its hue. Beside it stands its word, or `label` names it. */
export function StatusShape(props: { readonly status: string; readonly size?: number; readonly label?: boolean }): JSX.Element {
  const look = statusLook(props.status);
  const named = props.label === true ? ({ role: 'img', 'aria-label': look.word } as const) : ({ 'aria-hidden': 'true' } as const);
  return (
    <svg
      {...named}
      class={look.moving === true ? 'pulse' : undefined}
      width={props.size ?? 12}
      height={props.size ?? 12}
      viewBox="0 0 12 12"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      style={{ color: `var(--${look.hue}-text)` }}
    >
      {shapes[look.shape]}
    </svg>
  );
}

/** A status on its tint. `bare` leaves the tint away (in a line of text). Children follow the word: `2/3`, `approval`. */
export function StatusChip(props: {
  readonly status: string;
  readonly bare?: boolean | undefined;
  readonly word?: string | undefined;
  readonly children?: ComponentChildren;
}): JSX.Element {
  const look = statusLook(props.status);
  return (
    <span
      class={props.bare === true ? 'chip chip-bare' : 'chip'}
      data-status={props.status}
      style={{ color: `var(--${look.hue}-text)`, backgroundColor: props.bare === true ? 'transparent' : `var(--${look.hue}-tint)` }}
    >
      <StatusShape status={props.status} />
      {props.word ?? look.word}
      {props.children}
    </span>
  );
}

/** The state of a service: one that runs is well, not under way. */
export function ServiceChip(props: { readonly state: ServiceState; readonly bare?: boolean | undefined }): JSX.Element {
  return props.state === 'running' ? <StatusChip status="ok" word="Running" bare={props.bare} /> : <StatusChip status={props.state} bare={props.bare} />;
}
