/** What fields of a form of values are given: the value, its schema, and where it stands. */
import type { FormHint } from '../../src/contract/node-types.ts';
import type { Schema } from './schema.ts';
import type { FrameProps } from './value-frame.tsx';

export interface ValueFieldProps {
  /** Where `$ref`s lead. */
  readonly root: Schema;
  readonly schema: Schema;
  /** As the server names its place: `params.url`. */
  readonly path: string;
  readonly name: string;
  readonly title: string;
  readonly description?: string;
  readonly required?: boolean;
  /** An item or entry: what it stands in names it. */
  readonly isPart?: boolean;
  /** What holds while it is not set. */
  readonly fallback?: unknown;
  readonly hint?: FormHint;
  readonly value: unknown;
  /** Undefined: it is not set any more. */
  readonly onChange: (value: unknown) => void;
}

/** Of a control inside its frame. */
export interface ControlProps extends Pick<ValueFieldProps, 'value' | 'onChange' | 'fallback' | 'title' | 'path' | 'required' | 'isPart'> {
  readonly frame: FrameProps;
}
