/** The frame of a field in a form of values: title, what it is for, its fault, and the two switches: expression or value, set or not. */
import { Braces, RotateCcw } from 'lucide-preact';
import type { ComponentChildren, JSX } from 'preact';
import type { FieldLinks } from '../ui/field.tsx';

export interface ValueFrameProps {
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly required?: boolean;
  /** Its title is for screen readers alone. */
  readonly isPart?: boolean;
  readonly fault?: string | undefined;
  /** Undefined: it can not be an expression. */
  readonly expression?: { readonly on: boolean; readonly toggle: () => void } | undefined;
  /** Undefined: there is nothing to take back. */
  readonly onUnset?: (() => void) | undefined;
  readonly locked: boolean;
  /** For groups: no control takes the title as its label. */
  readonly isGroup?: boolean;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function ValueFrame(props: ValueFrameProps): JSX.Element {
  const { title, expression } = props;
  const tools = (
    <>
      {props.aside}
      {props.onUnset !== undefined && !props.locked && (
        <button type="button" class="vf-tool" data-tip="Back to unset" aria-label={`Unset ${title}`} onClick={props.onUnset}>
          <RotateCcw size={12} />
        </button>
      )}
      {expression !== undefined && (
        <button
          type="button"
          class="vf-tool vf-expression"
          aria-pressed={expression.on}
          aria-label={`${title} as an expression`}
          data-tip={expression.on ? 'A fixed value instead' : 'An expression instead'}
          disabled={props.locked}
          onClick={expression.toggle}
        >
          <Braces size={12} />
        </button>
      )}
    </>
  );
  const name = (
    <>
      {title}
      {props.required === true && props.isPart !== true && (
        <span class="vf-required" data-tip="Required">
          *<span class="visually-hidden"> (required)</span>
        </span>
      )}
    </>
  );
  return (
    <div class="vf" role={props.isGroup === true ? 'group' : undefined} aria-labelledby={props.isGroup === true ? `${props.id}-title` : undefined}>
      <div class="vf-head">
        {props.isGroup === true ? (
          <span id={`${props.id}-title`} class={props.isPart === true ? 'visually-hidden' : 'field-label'}>
            {name}
          </span>
        ) : (
          <label class={props.isPart === true ? 'visually-hidden' : 'field-label'} for={props.id}>
            {name}
          </label>
        )}
        <span class="grow" />
        {tools}
      </div>
      {props.children}
      {props.fault !== undefined ? (
        <div id={`${props.id}-note`} class="field-fault" role="alert">
          {props.fault}
        </div>
      ) : (
        props.description !== undefined &&
        props.description !== '' && (
          <div id={`${props.id}-note`} class="field-hint">
            {props.description}
          </div>
        )
      )}
    </div>
  );
}

/** What a control carries so that its hint or fault is read with it. */
export function linksOf(frame: Pick<ValueFrameProps, 'id' | 'fault' | 'description'>): FieldLinks {
  const hasNote = frame.fault !== undefined || (frame.description ?? '') !== '';
  return { id: frame.id, ...(hasNote ? { 'aria-describedby': `${frame.id}-note` } : {}), ...(frame.fault === undefined ? {} : { 'aria-invalid': true }) };
}

/** Of a frame, what `ValueField` fills in. */
export type FrameProps = Omit<ValueFrameProps, 'children' | 'isGroup' | 'aside'>;
