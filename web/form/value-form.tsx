/** A form of values: the fields of a schema, with what they need. The one entry to value-*.tsx. */
import { useMemo } from 'preact/hooks';
import type { ComponentChildren, JSX } from 'preact';
import { FormToolsProvider } from './form-context.ts';
import type { FormTools } from './form-context.ts';
import { ValueField } from './value-field.tsx';

/** Gives the forms inside what their fields need. */
export function ValueForms(props: Omit<FormTools, 'Field'> & { readonly children: ComponentChildren }): JSX.Element {
  const { data, faultAt, locked, place, hasExpressions } = props;
  const tools = useMemo((): FormTools => ({ data, faultAt, locked, place, hasExpressions, Field: ValueField }), [data, faultAt, locked, place, hasExpressions]);
  return <FormToolsProvider value={tools}>{props.children}</FormToolsProvider>;
}
