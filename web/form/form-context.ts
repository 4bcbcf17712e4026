/** What every field of a form may need, handed down once: names for expressions, faults by path, whether anything may be changed. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ComponentType } from 'preact';
import type { ExpressionData } from './expression-data.ts';
import type { ValueFieldProps } from './value-types.ts';

export interface FormTools {
  readonly data: ExpressionData;
  /** What the server says of a path (`params.url`); undefined: nothing. */
  readonly faultAt: (path: string) => string | undefined;
  readonly locked: boolean;
  /** Names this form among others: half typed texts are kept under it. */
  readonly place: string;
  /** False: values are values, {{ }} is text (an input, a setting). */
  readonly hasExpressions: boolean;
  /** The field of a value: what is inside a field asks for it here, so that fields nest. */
  readonly Field: ComponentType<ValueFieldProps>;
}

const blank: FormTools = {
  data: { scope: {}, steps: [], secrets: [], names: [] },
  faultAt: () => undefined,
  locked: false,
  place: '',
  hasExpressions: false,
  Field: () => null,
};

const FormContext = createContext<FormTools>(blank);

export const FormToolsProvider = FormContext.Provider;

export function useFormTools(): FormTools {
  return useContext(FormContext);
}
